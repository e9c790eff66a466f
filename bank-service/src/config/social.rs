//! Social logins: the providers, our clients there, and their addresses.

use clap::Args;
use service_kit::config::{Faults, Secret, base_url};

use crate::domain::social::Provider;

/// A provider is on once it has a client id. The ids after the first are those of apps whose tokens are taken too.
#[derive(Debug, Clone, Default, Args)]
pub struct SocialOptions {
    /// Login by GitHub: the client id of the OAuth app; unset = off
    #[arg(long, env = "SOCIAL_GITHUB_CLIENT_ID", value_name = "ID", global = true)]
    pub social_github_client_id: Option<String>,

    /// The client secret at GitHub
    #[arg(long, env = "SOCIAL_GITHUB_CLIENT_SECRET", hide_env_values = true, value_name = "TEXT", global = true)]
    pub social_github_client_secret: Option<Secret>,

    /// A GitHub Enterprise server instead of github.com
    #[arg(long, env = "SOCIAL_GITHUB_BASE_URL", value_name = "URL", global = true)]
    pub social_github_base_url: Option<String>,

    /// Login by Google: the client id, and after it those of your apps, separated by commas; unset = off
    #[arg(long, env = "SOCIAL_GOOGLE_CLIENT_ID", value_name = "LIST", global = true)]
    pub social_google_client_id: Option<String>,

    /// The client secret at Google
    #[arg(long, env = "SOCIAL_GOOGLE_CLIENT_SECRET", hide_env_values = true, value_name = "TEXT", global = true)]
    pub social_google_client_secret: Option<Secret>,

    /// Another server instead of Google's, such as a stand-in for tests
    #[arg(long, env = "SOCIAL_GOOGLE_BASE_URL", value_name = "URL", global = true)]
    pub social_google_base_url: Option<String>,

    /// Login by LinkedIn: the client id, and after it those of your apps, separated by commas; unset = off
    #[arg(long, env = "SOCIAL_LINKEDIN_CLIENT_ID", value_name = "LIST", global = true)]
    pub social_linkedin_client_id: Option<String>,

    /// The client secret at LinkedIn
    #[arg(long, env = "SOCIAL_LINKEDIN_CLIENT_SECRET", hide_env_values = true, value_name = "TEXT", global = true)]
    pub social_linkedin_client_secret: Option<Secret>,

    /// Another server instead of LinkedIn's, such as a stand-in for tests
    #[arg(long, env = "SOCIAL_LINKEDIN_BASE_URL", value_name = "URL", global = true)]
    pub social_linkedin_base_url: Option<String>,

    /// Login by Facebook: the app id; unset = off
    #[arg(long, env = "SOCIAL_FACEBOOK_CLIENT_ID", value_name = "ID", global = true)]
    pub social_facebook_client_id: Option<String>,

    /// The app secret at Facebook
    #[arg(long, env = "SOCIAL_FACEBOOK_CLIENT_SECRET", hide_env_values = true, value_name = "TEXT", global = true)]
    pub social_facebook_client_secret: Option<Secret>,

    /// Another server instead of Facebook's, such as a stand-in for tests
    #[arg(long, env = "SOCIAL_FACEBOOK_BASE_URL", value_name = "URL", global = true)]
    pub social_facebook_base_url: Option<String>,
}

/// How this service is known at a provider.
#[derive(Debug, Clone)]
pub struct SocialClient {
    pub provider: Provider,
    /// The client that logins begin with.
    pub client_id: String,
    /// All clients whose tokens are taken; the first is `client_id`.
    pub audiences: Vec<String>,
    pub client_secret: Secret,
    /// Instead of the provider's own addresses, without a slash at its end.
    pub base_url: Option<String>,
}

impl SocialOptions {
    /// The providers that are on.
    pub fn check(&self, production: bool, faults: &mut Faults) -> Vec<SocialClient> {
        let check = |provider| self.check_provider(provider, production, faults);
        Provider::ALL.into_iter().filter_map(check).collect()
    }

    fn check_provider(&self, provider: Provider, production: bool, faults: &mut Faults) -> Option<SocialClient> {
        let (ids, secret, base_url) = self.of(provider);
        let name = |suffix: &str| social_variable(provider, suffix);
        let base_url = base_url.filter(|url| !url.is_empty());
        let base_ok = base_url.is_none_or(|url| is_base_url(url, production));
        if !base_ok {
            let expected = "an address such as https://login.example.com; production refuses http";
            faults.add(format!("{}: not valid; expected {expected}", name("BASE_URL")));
        }
        let audiences: Vec<String> = ids.unwrap_or_default().split(',').map(|id| id.trim().to_owned()).collect();
        let audiences: Vec<String> = audiences.into_iter().filter(|id| !id.is_empty()).collect();
        let secret = secret.filter(|secret| !secret.expose().is_empty());
        let Some(client_id) = audiences.first().cloned() else {
            if secret.is_some() {
                faults.add(format!("{}: not set; expected the client of that secret", name("CLIENT_ID")));
            }
            return None;
        };
        if secret.is_none() {
            faults.add(format!("{}: not set; expected the secret of that client", name("CLIENT_SECRET")));
        }
        let base_url = base_url.map(|url| url.trim_end_matches('/').to_owned());
        Some(SocialClient { provider, client_id, audiences, client_secret: secret?.clone(), base_url })
    }

    fn of(&self, provider: Provider) -> (Option<&str>, Option<&Secret>, Option<&str>) {
        let (ids, secret, base_url) = match provider {
            Provider::GitHub => {
                (&self.social_github_client_id, &self.social_github_client_secret, &self.social_github_base_url)
            }
            Provider::Google => {
                (&self.social_google_client_id, &self.social_google_client_secret, &self.social_google_base_url)
            }
            Provider::LinkedIn => {
                (&self.social_linkedin_client_id, &self.social_linkedin_client_secret, &self.social_linkedin_base_url)
            }
            Provider::Facebook => {
                (&self.social_facebook_client_id, &self.social_facebook_client_secret, &self.social_facebook_base_url)
            }
        };
        (ids.as_deref(), secret.as_ref(), base_url.as_deref())
    }
}

/// The name of a provider's variable.
pub fn social_variable(provider: Provider, suffix: &str) -> String {
    format!("SOCIAL_{}_{suffix}", provider.as_str().to_uppercase())
}

/// Client secrets and tokens go there: in production only over TLS.
fn is_base_url(text: &str, production: bool) -> bool {
    base_url(text).is_some_and(|url| url.scheme() == "https" || !production)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn google(ids: &str, secret: Option<&str>, base: Option<&str>) -> SocialOptions {
        SocialOptions {
            social_google_client_id: Some(ids.to_owned()),
            social_google_client_secret: secret.map(Secret::new),
            social_google_base_url: base.map(str::to_owned),
            ..SocialOptions::default()
        }
    }

    #[test]
    fn a_provider_is_on_with_its_first_client_id() {
        let mut faults = Faults::new();
        let on = google("web, ios,,", Some("s"), Some("http://127.0.0.1:9/")).check(false, &mut faults);
        faults.finish().unwrap();
        assert_eq!(on.len(), 1);
        assert_eq!(
            (on[0].client_id.as_str(), on[0].audiences.as_slice()),
            ("web", &["web".to_owned(), "ios".to_owned()][..])
        );
        assert_eq!(on[0].base_url.as_deref(), Some("http://127.0.0.1:9"));
        let mut none = Faults::new();
        assert!(google(" ", None, None).check(true, &mut none).is_empty());
        none.finish().unwrap();
    }

    #[test]
    fn a_missing_client_or_secret_and_a_bad_address_are_faults() {
        let mut faults = Faults::new();
        google("web", None, Some("nowhere")).check(false, &mut faults);
        google("", Some("s"), None).check(false, &mut faults);
        google("web", Some("s"), Some("http://login.example.com")).check(true, &mut faults);
        let text = faults.finish().unwrap_err().to_string();
        assert!(
            text.contains("SOCIAL_GOOGLE_CLIENT_SECRET: not set")
                && text.contains("SOCIAL_GOOGLE_CLIENT_ID: not set")
                && text.matches("SOCIAL_GOOGLE_BASE_URL").count() == 2,
            "{text}"
        );
    }
}
