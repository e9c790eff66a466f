//! A build without the feature `fail-points` contains none of them: not their code, not even their names.
#![cfg(not(feature = "fail-points"))]
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::time::Duration;

/// Whether this test's binary contains the text.
fn binary_holds(text: &[u8]) -> bool {
    let binary = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    binary.windows(text.len()).any(|window| window == text)
}

fn reversed(text: &str) -> Vec<u8> {
    text.bytes().rev().collect()
}

#[test]
fn nothing_of_a_fail_point_is_in_the_binary() {
    service_kit::fail_point!("left.behind.by.a.point");
    service_kit::fail_point!("left.behind.by.a.condition", if true);
    service_kit::panic_point!([b"left.behind.by.a.point".as_slice()]);
    // Not within the assertion, which would quote it.
    let planted = service_kit::planted!("left.behind.by.a.plant");
    let time = service_kit::shortened!("LEFT_BEHIND_BY_A_TIME", Duration::from_secs(1));
    assert_eq!((planted, time), (false, Duration::from_secs(1)));
    // Written backwards, or the search would find this text itself.
    assert!(!binary_holds(&reversed("yb.dniheb.tfel")));
    assert!(!binary_holds(&reversed("YB_DNIHEB_TFEL")));
    assert!(binary_holds(b"panicked at"), "the test looks at the wrong file");
}
