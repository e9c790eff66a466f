//! The results that the server's answers have for the mail.
//!
//! | answer | means |
//! |---|---|
//! | 5xx | permanent: this mail is never accepted |
//! | 503 | transient: the dialogue got out of step, which is not the mail's fault |
//! | 530, 534, 535, 538 | unavailable: the server requires a login, so it takes no mail at all |
//! | 421 | unavailable: the server closes |
//! | 4xx, anything that is no SMTP | transient |
//! | silence or a lost connection before the content | unanswered: the server is going down, or coming back |
//! | the same after the content | transient: the server may have taken the mail, so retries are bounded |

use std::future::Future;
use std::time::Duration;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::response::Response;
use tokio::time::timeout;

use crate::domain::{clip, single_line};
use crate::mailer::SendError;

const MAX_ANSWER_CHARS: usize = 200;
/// Where the login is set.
pub(super) const CHECK_LOGIN: &str = "check EMAIL_USER and EMAIL_APP_PASSWORD, or the login in MAIL_URL";

/// The command of a mail's dialogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SmtpStep {
    MailFrom,
    RcptTo,
    Data,
    Content,
}

impl SmtpStep {
    fn name(self) -> &'static str {
        match self {
            Self::MailFrom => "MAIL FROM",
            Self::RcptTo => "RCPT TO",
            Self::Data => "DATA",
            Self::Content => "the content",
        }
    }
}

/// Why a command was not answered as expected.
#[derive(Debug)]
pub(super) enum SmtpFailure {
    Answered {
        code: u16,
        text: String,
    },
    /// The answer was no SMTP.
    Nonsense,
    Silent,
    Lost,
}

impl SmtpFailure {
    pub(super) fn of(error: &Error) -> Self {
        let text = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
        match error.status() {
            Some(code) => Self::Answered { code: code.into(), text: scrub(&text) },
            // Only its text shows an end in the middle of an answer.
            None if error.is_response() && text != "incomplete response" => Self::Nonsense,
            None => Self::Lost,
        }
    }

    /// One line, naming the command.
    pub(super) fn describe(&self, step: &str) -> String {
        match self {
            Self::Answered { code, text } => format!("{step} was answered with {code} {text}").trim_end().to_owned(),
            Self::Nonsense => format!("{step} was answered with something that is no SMTP"),
            Self::Silent => format!("{step} was not answered in time"),
            Self::Lost => format!("the connection was lost at {step}"),
        }
    }

    /// Whether the dialogue can go on after this.
    pub(super) fn leaves_in_step(&self) -> bool {
        matches!(self, Self::Answered { code, .. } if !matches!(code, 421 | 503))
    }

    /// The result for a mail.
    pub(super) fn into_send_error(self, step: SmtpStep) -> SendError {
        let reason = self.describe(step.name());
        match self {
            Self::Answered { code: 421, .. } => SendError::Unavailable(reason),
            Self::Answered { code: 530 | 534 | 535 | 538, .. } => {
                SendError::Unavailable(format!("{reason}; {CHECK_LOGIN}"))
            }
            Self::Answered { code, .. } if (500..600).contains(&code) && code != 503 => SendError::Permanent(reason),
            Self::Silent | Self::Lost if step != SmtpStep::Content => SendError::Unanswered(reason),
            Self::Answered { .. } | Self::Nonsense | Self::Silent | Self::Lost => SendError::Transient(reason),
        }
    }
}

/// Waits for the answer to one command; any code but the expected ones is a failure.
pub(super) async fn expect_reply(
    limit: Duration,
    expected: &[u16],
    answer: impl Future<Output = Result<Response, Error>>,
) -> Result<Response, SmtpFailure> {
    let response = match timeout(limit, answer).await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => return Err(SmtpFailure::of(&error)),
        Err(_) => return Err(SmtpFailure::Silent),
    };
    let code = u16::from(response.code());
    if expected.contains(&code) {
        Ok(response)
    } else {
        Err(SmtpFailure::Answered { code, text: scrub(response.first_line().unwrap_or_default()) })
    }
}

/// One short line without addresses: servers often repeat the recipient.
pub(super) fn scrub(text: &str) -> String {
    let words = single_line(text);
    let words = words.split_whitespace().map(|word| if word.contains('@') { "<address>" } else { word });
    clip(&words.collect::<Vec<_>>().join(" "), MAX_ANSWER_CHARS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(code: u16) -> SendError {
        SmtpFailure::Answered { code, text: String::new() }.into_send_error(SmtpStep::RcptTo)
    }

    #[test]
    fn only_answers_about_the_mail_are_final() {
        for code in [500, 550, 552, 554, 571] {
            assert!(matches!(meaning(code), SendError::Permanent(_)), "{code}");
        }
        for code in [251, 354, 450, 451, 452, 503] {
            assert!(matches!(meaning(code), SendError::Transient(_)), "{code}");
        }
        for code in [421, 530, 535] {
            assert!(matches!(meaning(code), SendError::Unavailable(_)), "{code}");
        }
        for (step, is_transient) in [(SmtpStep::MailFrom, false), (SmtpStep::Data, false), (SmtpStep::Content, true)] {
            let meant = SmtpFailure::Silent.into_send_error(step);
            assert_eq!(matches!(meant, SendError::Transient(_)), is_transient, "{meant:?}");
            assert_eq!(matches!(meant, SendError::Unanswered(_)), !is_transient, "{meant:?}");
        }
    }

    #[test]
    fn an_answer_is_one_line_without_addresses() {
        assert_eq!(scrub("5.1.1 <john@example.com>:\r\n no such user"), "5.1.1 <address> no such user");
    }
}
