//! The allowed targets of links in mails.

use std::str::FromStr;

use url::Url;

/// The address below which the system's own pages are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkBase(Url);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an http or https address")]
pub struct LinkBaseError;

impl FromStr for LinkBase {
    type Err = LinkBaseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut url = Url::parse(text).map_err(|_| LinkBaseError)?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(LinkBaseError);
        }
        // `/app` must not match `/application`.
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Ok(Self(url))
    }
}

impl LinkBase {
    pub fn url(&self) -> &Url {
        &self.0
    }

    /// Whether a link is of the same origin, without a login in it, and below the same path.
    pub fn leads_to(&self, link: &str) -> bool {
        let Ok(link) = Url::parse(link) else { return false };
        let plain = link.username().is_empty() && link.password().is_none();
        plain && link.origin() == self.0.origin() && link.path().starts_with(self.0.path())
    }
}
