//! The links in mails: below `PUBLIC_URL`, whichever host name the requesting client used.

use std::time::Duration;

use url::Url;

use crate::domain::one_time::Purpose;
use crate::identity::IdentityService;
use crate::identity::one_time::NewLink;
use crate::identity::one_time::secret::LinkSecret;

/// The public address of this service.
#[derive(Debug, Clone)]
pub(in crate::identity) struct Links {
    base: String,
}

impl Links {
    pub(in crate::identity) fn new(public_url: &Url) -> Self {
        Self { base: public_url.as_str().trim_end_matches('/').to_owned() }
    }

    /// A new link for a purpose that has a page.
    pub(in crate::identity) fn make(&self, purpose: Purpose) -> NewLink {
        let secret = LinkSecret::generate();
        let page = match purpose {
            Purpose::PasswordResetLink | Purpose::PasswordResetCode | Purpose::Invitation => "auth/password/reset",
            Purpose::EmailVerification
            | Purpose::EmailChange
            | Purpose::PhoneCode
            | Purpose::MfaChallenge
            | Purpose::SocialState
            | Purpose::SocialNonce => "auth/email/verify",
        };
        NewLink { purpose, hash: secret.hash(purpose), url: format!("{}/{page}/{}", self.base, secret.expose()) }
    }
}

impl IdentityService {
    /// A new link for a mail.
    pub fn new_link(&self, purpose: Purpose) -> NewLink {
        self.0.links.make(purpose)
    }
}

/// The earliest time of any answer to a forgotten password: longer than the work for any address takes, unless the machine is
/// overloaded.
pub(in crate::identity) const FORGOT_FLOOR: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_begin_with_the_public_url_and_its_path() {
        for (base, start) in [
            ("https://bank.example", "https://bank.example/auth/password/reset/"),
            ("https://example.com/bank/", "https://example.com/bank/auth/password/reset/"),
        ] {
            let link = Links::new(&base.parse().unwrap()).make(Purpose::Invitation);
            let secret = link.url.strip_prefix(start).and_then(LinkSecret::parse).unwrap();
            assert!(secret.hash(Purpose::Invitation) == link.hash);
        }
    }
}
