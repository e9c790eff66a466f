//! Fail points: places where a test ends the process, and faults that a test plants to prove that a check notices them.
//!
//! They exist in builds with the cargo feature `fail-points` only. Without it [`fail_point!`](crate::fail_point!) and its
//! neighbours leave nothing behind, not even the names. With it, `FAIL_POINT=name` ends the process at the first pass of that
//! point and `FAIL_POINT=name:3` at the third, as a crash would; `PLANT=name` turns a planted fault on; a handler panics on
//! messages that contain the text of `PANIC_ON`. Each variable is read once.

#[cfg(feature = "fail-points")]
pub use enabled::{during, panic_on, pass, passed_over, planted, setting_ms};

/// Passes a point: `fail_point!("relay.claimed")`, or under a condition `fail_point!("relay.claimed", if rows > 0)`.
#[cfg(feature = "fail-points")]
#[macro_export]
macro_rules! fail_point {
    ($name:literal) => {
        $crate::fail_point::pass($name)
    };
    ($name:literal, if $condition:expr) => {
        if $condition {
            $crate::fail_point::pass($name)
        }
    };
}

/// Passes a point: nothing, in this build.
#[cfg(not(feature = "fail-points"))]
#[macro_export]
macro_rules! fail_point {
    ($name:literal $(, if $condition:expr)?) => {};
}

/// Awaits a future, and passes a point while it is pending.
#[cfg(feature = "fail-points")]
#[macro_export]
macro_rules! fail_point_during {
    ($name:literal, $future:expr) => {
        $crate::fail_point::during($name, $future)
    };
}

/// The future itself, in this build.
#[cfg(not(feature = "fail-points"))]
#[macro_export]
macro_rules! fail_point_during {
    ($name:literal, $future:expr) => {
        $future
    };
}

/// Panics if one of the bodies contains the text of `PANIC_ON`.
#[cfg(feature = "fail-points")]
#[macro_export]
macro_rules! panic_point {
    ($bodies:expr) => {
        $crate::fail_point::panic_on($bodies)
    };
}

/// Never panics, in this build.
#[cfg(not(feature = "fail-points"))]
#[macro_export]
macro_rules! panic_point {
    ($bodies:expr) => {};
}

/// Whether a fault is planted.
#[cfg(feature = "fail-points")]
#[macro_export]
macro_rules! planted {
    ($name:literal) => {
        $crate::fail_point::planted($name)
    };
}

/// Whether a fault is planted: never, in this build.
#[cfg(not(feature = "fail-points"))]
#[macro_export]
macro_rules! planted {
    ($name:literal) => {
        false
    };
}

/// Whether a planted cursor over ids skips a row because it has seen a higher id.
#[cfg(feature = "fail-points")]
#[macro_export]
macro_rules! passed_over {
    ($id:expr) => {
        $crate::fail_point::passed_over($id)
    };
}

/// Whether a planted cursor skips a row: never, in this build.
#[cfg(not(feature = "fail-points"))]
#[macro_export]
macro_rules! passed_over {
    ($id:expr) => {
        false
    };
}

/// A length of time that a test may shorten by a variable in milliseconds.
#[cfg(feature = "fail-points")]
#[macro_export]
macro_rules! shortened {
    ($name:literal, $default:expr) => {
        $crate::fail_point::setting_ms($name).unwrap_or($default)
    };
}

/// The length of time as it is, in this build.
#[cfg(not(feature = "fail-points"))]
#[macro_export]
macro_rules! shortened {
    ($name:literal, $default:expr) => {
        $default
    };
}

#[cfg(feature = "fail-points")]
mod enabled {
    use std::io::Write as _;
    use std::pin::pin;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
    use std::time::Duration;

    /// Lets the socket writes of other threads leave the process before it ends.
    const LAST_WORDS: Duration = Duration::from_millis(10);
    /// How many bytes of a body are searched.
    const HEAD: usize = 1024;
    /// A future that is pending for this long has sent what it had to send.
    const UNDER_WAY: Duration = Duration::from_millis(3);

    struct Armed {
        name: String,
        left: AtomicU32,
    }

    #[expect(clippy::disallowed_methods, reason = "a test's own variable, which is no configuration")]
    fn variable(name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }

    fn armed() -> Option<&'static Armed> {
        static ARMED: OnceLock<Option<Armed>> = OnceLock::new();
        let armed = ARMED.get_or_init(|| {
            let text = variable("FAIL_POINT")?;
            let (name, pass) = text.split_once(':').unwrap_or((&text, "1"));
            Some(Armed { name: name.to_owned(), left: AtomicU32::new(pass.parse().unwrap_or(1)) })
        });
        armed.as_ref()
    }

    /// Passes a point; the process ends here if `FAIL_POINT` names this pass of this point.
    pub fn pass(name: &str) {
        let Some(armed) = armed().filter(|armed| armed.name == name) else { return };
        if armed.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            writeln!(std::io::stderr(), "fail point {name}").ok();
            std::thread::sleep(LAST_WORDS);
            std::process::abort();
        }
    }

    /// Awaits the future; passes the point once the future has been pending for a moment.
    pub async fn during<F: Future>(name: &str, future: F) -> F::Output {
        let mut future = pin!(future);
        tokio::select! {
            biased;
            output = &mut future => return output,
            () = tokio::time::sleep(UNDER_WAY) => pass(name),
        }
        future.await
    }

    /// Panics if one of the bodies contains the text of `PANIC_ON`.
    #[expect(clippy::panic, reason = "a handler's panic is what is tested")]
    pub fn panic_on<'a>(bodies: impl IntoIterator<Item = &'a [u8]>) {
        static TEXT: OnceLock<Option<String>> = OnceLock::new();
        let Some(text) = TEXT.get_or_init(|| variable("PANIC_ON")) else { return };
        let head = |body: &'a [u8]| body.get(..HEAD).unwrap_or(body);
        let holds = |body| head(body).windows(text.len()).any(|window| window == text.as_bytes());
        if bodies.into_iter().any(holds) {
            panic!("PANIC_ON matches this message");
        }
    }

    /// Whether a fault is planted.
    pub fn planted(name: &str) -> bool {
        static PLANTED: OnceLock<Option<String>> = OnceLock::new();
        PLANTED.get_or_init(|| variable("PLANT")).as_deref() == Some(name)
    }

    /// Whether `PLANT=id_cursor` is set and an earlier call had this id or a higher one.
    pub fn passed_over(id: i64) -> bool {
        static NEWEST: AtomicI64 = AtomicI64::new(i64::MIN);
        planted("id_cursor") && NEWEST.fetch_max(id, Ordering::SeqCst) >= id
    }

    /// A variable in milliseconds, if it is set.
    pub fn setting_ms(name: &str) -> Option<Duration> {
        variable(name)?.parse().ok().map(Duration::from_millis)
    }
}
