//! Addresses that paths are appended to.

use url::Url;

/// An http or https address without a query and a fragment: an appended path would become a part of one.
pub fn base_url(text: &str) -> Option<Url> {
    let is_base = |url: &Url| {
        matches!(url.scheme(), "http" | "https") && url.has_host() && url.query().is_none() && url.fragment().is_none()
    };
    Url::parse(text).ok().filter(is_base)
}

/// The same for links that are sent to people: a login in one would be everybody's.
pub fn public_url(text: &str) -> Option<Url> {
    base_url(text).filter(|url| url.username().is_empty() && url.password().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_or_a_fragment_is_refused_and_a_login_where_people_see_the_address() {
        for good in ["https://bank.example", "http://127.0.0.1:5000/", "https://bank.example/app"] {
            assert!(base_url(good).is_some() && public_url(good).is_some(), "{good}");
        }
        for bad in
            ["bank.example", "ftp://bank.example", "https://b/?x=1", "https://b/app?", "https://b/#", "https://b#x"]
        {
            assert!(base_url(bad).is_none() && public_url(bad).is_none(), "{bad}");
        }
        for login in ["https://u:p@b", "https://u@b/", "https://:p@b"] {
            assert!(base_url(login).is_some() && public_url(login).is_none(), "{login}");
        }
    }
}
