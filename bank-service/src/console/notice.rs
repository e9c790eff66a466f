//! Messages that the page after a form shows once.
//!
//! The cookie holds a name of this list, never a text: nobody can make a page show words of its own.

use actix_web::HttpRequest;
use actix_web::http::header::COOKIE;

use super::cookie;
use crate::http::cookie_value;

const OVER_TLS: &str = "__Host-console-notice";
const OVER_HTTP: &str = "console-notice";

macro_rules! notices {
    ($($name:ident = $code:literal, $text:literal;)+) => {
        /// The outcome of a form, as the next page says it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Notice {
            $($name,)+
        }

        impl Notice {
            const ALL: &'static [Self] = &[$(Self::$name),+];

            fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            pub(super) fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

notices! {
    Confirmed = "confirmed", "Your password was right; go on.";
    RolesChanged = "roles_changed", "The user's roles were changed.";
    UserBlocked = "user_blocked", "The user was blocked and its sessions were ended.";
    UserUnblocked = "user_unblocked", "The user can log in again.";
    SessionEnded = "session_ended", "The session was ended.";
    SecondFactorRemoved = "second_factor_removed", "The second factor was removed.";
    Posted = "posted", "The transfer was posted.";
    Held = "held", "The amount is held.";
    Captured = "captured", "The hold was captured.";
    Voided = "voided", "The hold was voided.";
    Reversed = "reversed", "The transfer was reversed.";
    VerificationStarted = "verification_started", "The check of the ledger has begun.";
    Replayed = "replayed", "The dead letters were put back into their queue.";
    Discarded = "discarded", "The dead letters were discarded.";
}

impl Notice {
    /// The `Set-Cookie` that shows it on the next page, within a minute.
    pub(super) fn cookie(self, is_over_tls: bool) -> String {
        format!("{}={}; Max-Age=60; {}", name(is_over_tls), self.code(), cookie::attributes(is_over_tls))
    }
}

/// The `Set-Cookie` that removes it.
pub(super) fn clear(is_over_tls: bool) -> String {
    format!("{}=; Max-Age=0; {}", name(is_over_tls), cookie::attributes(is_over_tls))
}

/// The message that this page shows; none for a name that is not in the list.
pub(super) fn of(request: &HttpRequest, is_over_tls: bool) -> Option<Notice> {
    let texts = request.headers().get_all(COOKIE).filter_map(|value| value.to_str().ok());
    let code = texts.into_iter().find_map(|text| cookie_value(text, name(is_over_tls)))?;
    Notice::ALL.iter().copied().find(|notice| notice.code() == code)
}

fn name(is_over_tls: bool) -> &'static str {
    if is_over_tls { OVER_TLS } else { OVER_HTTP }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_notice_is_read_back_by_its_name_and_no_other_text_is_taken() {
        let read = |cookie: &str, is_over_tls| {
            of(&TestRequest::default().insert_header((COOKIE, cookie)).to_http_request(), is_over_tls)
        };
        for (notice, is_over_tls) in Notice::ALL.iter().flat_map(|notice| [(notice, false), (notice, true)]) {
            let cookie = notice.cookie(is_over_tls);
            assert_eq!(read(cookie.split(';').next().unwrap(), is_over_tls), Some(*notice));
        }
        assert_eq!(read("console-notice=<b>Send money</b>", false), None);
        assert_eq!(read("console-notice=posted", true), None, "over TLS only a cookie that plain HTTP cannot set");
    }

    #[test]
    fn over_tls_the_cookie_is_secure_and_bound_to_the_host() {
        for cookie in [Notice::Posted.cookie(true), clear(true)] {
            assert!(cookie.starts_with("__Host-console-notice="), "{cookie}");
            assert!(cookie.ends_with("Path=/; HttpOnly; SameSite=Strict; Secure"), "{cookie}");
        }
        assert!(!Notice::Posted.cookie(false).contains("Secure"), "in development there is no TLS");
    }
}
