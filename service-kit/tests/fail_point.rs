//! A build without the feature `fail-points` has none of them: not their code, not even their names.
#![cfg(not(feature = "fail-points"))]
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::time::Duration;

/// Which text the binary of this test holds.
fn binary_holds(text: &[u8]) -> bool {
    let binary = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    binary.windows(text.len()).any(|window| window == text)
}

#[test]
fn nothing_of_a_fail_point_is_in_the_binary() {
    service_kit::fail_point!("left.behind.by.a.point");
    service_kit::fail_point!("left.behind.by.a.condition", if true);
    // Not within the assertion, which would quote it.
    let planted = service_kit::planted!("left.behind.by.a.plant");
    let time = service_kit::shortened!("LEFT_BEHIND_BY_A_TIME", Duration::from_secs(1));
    assert_eq!((planted, time), (false, Duration::from_secs(1)));
    // Put together at run time, or the test would find its own words.
    let left = [b"left.".as_slice(), b"behind.by"].concat();
    assert!(!binary_holds(&left));
    assert!(!binary_holds(&[b"LEFT_".as_slice(), b"BEHIND_BY"].concat()));
    assert!(binary_holds(b"panicked at"), "the test looks at the wrong file");
}
