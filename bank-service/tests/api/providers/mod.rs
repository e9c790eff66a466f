//! A stand-in for GitHub, Google, LinkedIn and Facebook on one port, each below its own path. It checks what it receives as they
//! do, notes what was wrong, and misbehaves when it is told to.

mod desks;
mod keys;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use actix_web::{App, HttpRequest, HttpServer, web};
use bank_service::config::Config;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use service_kit::clock::{Clock as _, ManualClock};
use service_kit::config::Secret;

use keys::InUse;
pub(crate) use keys::Signing;

use crate::harness::TestApp;

pub(crate) const PROVIDERS: [&str; 4] = ["github", "google", "linkedin", "facebook"];
pub(crate) const CLIENT_SECRET: &str = "the-client-secret-canary";

/// Who logs in at the provider.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) subject: String,
    pub(crate) email: Option<String>,
    pub(crate) verified: bool,
}

/// What the stand-in answers to programs, whatever they ask.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Trouble {
    #[default]
    None,
    /// Nothing at all.
    Silent,
    /// 128 KiB.
    Endless,
    Status(u16),
}

/// How the stand-in behaves. The default is well.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mood {
    pub(crate) trouble: Trouble,
    pub(crate) signing: Signing,
    /// Instead of the claims that a good `id_token` has; null removes one.
    pub(crate) claims: HashMap<&'static str, Value>,
    /// Seconds that the token's times are moved by.
    pub(crate) moved_by: i64,
    /// The client that access tokens are given to, instead of ours.
    pub(crate) other_client: bool,
    /// Sends a nonce of its own.
    pub(crate) other_nonce: bool,
}

/// A code that was given out, and what it was given out for.
#[derive(Debug, Clone)]
struct Grant {
    provider: String,
    redirect_uri: String,
    challenge: Option<String>,
    nonce: Option<String>,
    account: Account,
}

struct Desk {
    account: Account,
    mood: Mood,
    keys: InUse,
    codes: HashMap<String, Grant>,
    tokens: HashMap<String, Account>,
    complaints: Vec<String>,
    /// Method and path of each request.
    seen: Vec<String>,
    counter: u32,
}

#[derive(Clone)]
pub(crate) struct Providers {
    desk: Arc<Mutex<Desk>>,
    clock: Arc<ManualClock>,
    origin: String,
}

impl Providers {
    /// Listens on a free port.
    pub(crate) fn start(clock: Arc<ManualClock>) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let account =
            Account { subject: "1001".to_owned(), email: Some("john.doe@example.com".to_owned()), verified: true };
        let desk = Desk {
            account,
            mood: Mood::default(),
            keys: InUse::default(),
            codes: HashMap::new(),
            tokens: HashMap::new(),
            complaints: Vec::new(),
            seen: Vec::new(),
            counter: 0,
        };
        let providers = Self { desk: Arc::new(Mutex::new(desk)), clock, origin };
        let shared = providers.clone();
        let app = move || {
            let shared = shared.clone();
            App::new().default_service(web::to(move |request: HttpRequest, body: web::Bytes| {
                let shared = shared.clone();
                async move { shared.answer(&request, &body).await }
            }))
        };
        let server = HttpServer::new(app).workers(1).disable_signals().listen(listener).unwrap().run();
        actix_rt::spawn(server);
        providers
    }

    /// Makes all four known to the service.
    pub(crate) fn configure(&self, config: &mut Config) {
        let social = &mut config.social;
        let client = |provider| Some(client_id(provider));
        let secret = || Some(Secret::new(CLIENT_SECRET));
        let base = |provider| Some(format!("{}/{provider}", self.origin));
        social.social_github_client_id = client("github");
        social.social_github_client_secret = secret();
        social.social_github_base_url = base("github");
        social.social_google_client_id = client("google").map(|id| format!("{id}, google-phone-app"));
        social.social_google_client_secret = secret();
        social.social_google_base_url = base("google");
        social.social_linkedin_client_id = client("linkedin");
        social.social_linkedin_client_secret = secret();
        social.social_linkedin_base_url = base("linkedin");
        social.social_facebook_client_id = client("facebook");
        social.social_facebook_client_secret = secret();
        social.social_facebook_base_url = base("facebook");
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap()
    }

    /// Somebody else logs in at the provider from now on.
    pub(crate) fn account(&self, subject: &str, email: Option<&str>, verified: bool) {
        self.desk().account = Account { subject: subject.to_owned(), email: email.map(str::to_owned), verified };
    }

    pub(crate) fn mood(&self, mood: Mood) {
        self.desk().mood = mood;
    }

    /// Signs with another key from now on; the one before is withdrawn.
    pub(crate) fn rotate_keys(&self) {
        let mut desk = self.desk();
        desk.keys = InUse(1 - desk.keys.0);
    }

    /// What was wrong with the requests.
    pub(crate) fn complaints(&self) -> Vec<String> {
        self.desk().complaints.clone()
    }

    /// How many requests had this in method or path.
    pub(crate) fn seen(&self, part: &str) -> usize {
        self.desk().seen.iter().filter(|seen| seen.contains(part)).count()
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// The person consents; gives the code and state with which the browser is sent back.
    pub(crate) async fn consent(&self, authorization_url: &str) -> (String, String) {
        let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let answer = client.get(authorization_url).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 302, "{:?}", self.complaints());
        let back = url::Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
        let query: HashMap<_, _> = back.query_pairs().into_owned().collect();
        (query["code"].clone(), query["state"].clone())
    }

    /// What an app gets from the provider by itself.
    pub(crate) fn access_token(&self) -> String {
        let mut desk = self.desk();
        let token = desk.next("token");
        let account = desk.account.clone();
        desk.tokens.insert(token.clone(), account);
        token
    }

    pub(crate) fn id_token(&self, provider: &str) -> String {
        let desk = self.desk();
        self.make_id_token(&desk, provider, &desk.account, None)
    }

    fn make_id_token(&self, desk: &Desk, provider: &str, account: &Account, nonce: Option<&str>) -> String {
        let (mood, now) = (&desk.mood, self.now().timestamp() + desk.mood.moved_by);
        let below = if provider == "linkedin" { "/oauth" } else { "" };
        let mut claims = json!({
            "iss": format!("{}/{provider}{below}", self.origin), "aud": client_id(provider), "azp": client_id(provider),
            "sub": account.subject, "iat": now, "nbf": now, "exp": now + 3600,
            "email": account.email, "email_verified": account.verified,
        });
        if let Some(nonce) = nonce {
            claims["nonce"] = json!(if mood.other_nonce { "another nonce" } else { nonce });
        }
        for (name, value) in &mood.claims {
            claims[*name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        desk.keys.sign(mood.signing, &claims)
    }
}

impl Desk {
    fn next(&mut self, what: &str) -> String {
        self.counter += 1;
        format!("{what}-canary-{}", self.counter)
    }

    fn complain(&mut self, about: &str) {
        self.complaints.push(about.to_owned());
    }
}

pub(crate) fn client_id(provider: &str) -> String {
    format!("{provider}-client")
}

/// A service that all four providers are set up for.
pub(crate) async fn with_providers(change: impl FnOnce(&mut Config)) -> (TestApp, Providers) {
    let clock = Arc::new(ManualClock::new(crate::harness::start_of_tests()));
    let providers = Providers::start(clock.clone());
    let app = TestApp::start_in(tempfile::TempDir::new().unwrap(), clock, |config| {
        providers.configure(config);
        change(config);
    });
    (app.await, providers)
}
