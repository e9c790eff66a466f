//! The embedded template files.

macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../../templates/", $name)))),+]
    };
}

/// File name and source of each template.
pub(super) const FILES: &[(&str, &str)] = files![
    "layout.html",
    "account.created.subject.txt",
    "account.created.txt",
    "account.created.html",
    "bank.created.subject.txt",
    "bank.created.txt",
    "bank.created.html",
    "user.created.subject.txt",
    "user.created.txt",
    "user.created.html",
    "verify-email.subject.txt",
    "verify-email.txt",
    "verify-email.html",
    "reset-password.subject.txt",
    "reset-password.txt",
    "reset-password.html",
    "notice.subject.txt",
    "notice.txt",
    "notice.html",
    "invitation.subject.txt",
    "invitation.txt",
    "invitation.html",
    "test.subject.txt",
    "test.txt",
    "test.html",
];
