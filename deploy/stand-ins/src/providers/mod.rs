//! A stand-in for GitHub, Google, LinkedIn and Facebook on one port, each below its own path. It checks its requests as they
//! do, records what was wrong, and misbehaves on demand.

mod endpoints;
mod keys;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use actix_web::{App, HttpRequest, HttpServer, web};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use service_kit::clock::SharedClock;

use keys::InUse;
pub use keys::Signing;

pub const PROVIDERS: [&str; 4] = ["github", "google", "linkedin", "facebook"];
pub const CLIENT_SECRET: &str = "the-client-secret-canary";

/// The person who logs in at the provider.
#[derive(Debug, Clone)]
pub struct Account {
    pub subject: String,
    pub email: Option<String>,
    pub verified: bool,
}

/// The answer to every request of a program.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FailureMode {
    #[default]
    None,
    /// No answer.
    Silent,
    /// 128 KiB.
    Endless,
    Status(u16),
}

/// The behaviour of the stand-in. The default is correct.
#[derive(Debug, Clone, Default)]
pub struct Behaviour {
    pub failure: FailureMode,
    pub signing: Signing,
    /// Replacements for the claims of a good `id_token`; null removes one.
    pub claims: HashMap<&'static str, Value>,
    /// Seconds added to the token's times.
    pub moved_by: i64,
    /// Issues access tokens to a foreign client instead of ours.
    pub other_client: bool,
    /// Sends a nonce of its own.
    pub other_nonce: bool,
}

/// An issued code, and the request it belongs to.
#[derive(Debug, Clone)]
struct Grant {
    provider: String,
    redirect_uri: String,
    challenge: Option<String>,
    nonce: Option<String>,
    account: Account,
}

struct State {
    account: Account,
    behaviour: Behaviour,
    keys: InUse,
    codes: HashMap<String, Grant>,
    tokens: HashMap<String, Account>,
    complaints: Vec<String>,
    /// Method and path of each request.
    seen: Vec<String>,
    counter: u32,
}

#[derive(Clone)]
pub struct Providers {
    state: Arc<Mutex<State>>,
    clock: SharedClock,
    origin: String,
    /// The address of the service under test: browsers are redirected below it only.
    public_url: String,
}

impl Providers {
    /// Listens on a free port, for a service with the address `public_url`.
    pub fn start(clock: SharedClock, public_url: &str) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let account =
            Account { subject: "1001".to_owned(), email: Some("john.doe@example.com".to_owned()), verified: true };
        let state = State {
            account,
            behaviour: Behaviour::default(),
            keys: InUse::default(),
            codes: HashMap::new(),
            tokens: HashMap::new(),
            complaints: Vec::new(),
            seen: Vec::new(),
            counter: 0,
        };
        let public_url = public_url.trim_end_matches('/').to_owned();
        let providers = Self { state: Arc::new(Mutex::new(state)), clock, origin, public_url };
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

    /// The base address of a provider.
    pub fn base_url(&self, provider: &str) -> String {
        format!("{}/{provider}", self.origin)
    }

    /// The variables that configure all four in a service.
    pub fn variables(&self) -> Vec<(String, String)> {
        let of = |provider: &str| {
            let ids = client_id(provider);
            let ids = if provider == "google" { format!("{ids}, google-phone-app") } else { ids };
            let name = |suffix: &str| format!("SOCIAL_{}_{suffix}", provider.to_uppercase());
            let secret = CLIENT_SECRET.to_owned();
            [(name("CLIENT_ID"), ids), (name("CLIENT_SECRET"), secret), (name("BASE_URL"), self.base_url(provider))]
        };
        PROVIDERS.into_iter().flat_map(of).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Changes the person who logs in at the provider from now on.
    pub fn account(&self, subject: &str, email: Option<&str>, verified: bool) {
        self.state().account = Account { subject: subject.to_owned(), email: email.map(str::to_owned), verified };
    }

    pub fn behave(&self, behaviour: Behaviour) {
        self.state().behaviour = behaviour;
    }

    /// Signs with another key from now on; the former one is withdrawn.
    pub fn rotate_keys(&self) {
        let mut state = self.state();
        state.keys = state.keys.other();
    }

    /// Signs with elliptic curves (ES256) from now on; the former key is withdrawn.
    pub fn sign_with_curves(&self) {
        self.state().keys = InUse::CURVES;
    }

    /// The faults of the requests.
    pub fn complaints(&self) -> Vec<String> {
        self.state().complaints.clone()
    }

    /// The number of requests with this in method or path.
    pub fn seen(&self, part: &str) -> usize {
        self.state().seen.iter().filter(|seen| seen.contains(part)).count()
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Lets the person consent; gives the code and state of the redirect.
    pub async fn consent(&self, authorization_url: &str) -> (String, String) {
        let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let answer = client.get(authorization_url).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 302, "{:?}", self.complaints());
        let back = url::Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
        let query: HashMap<_, _> = back.query_pairs().into_owned().collect();
        (query["code"].clone(), query["state"].clone())
    }

    /// The token that an app gets from the provider directly.
    pub fn access_token(&self) -> String {
        let mut state = self.state();
        let token = state.next("token");
        let account = state.account.clone();
        state.tokens.insert(token.clone(), account);
        token
    }

    /// The same by OpenID Connect, for the app's nonce.
    pub fn id_token(&self, provider: &str, nonce: Option<&str>) -> String {
        let state = self.state();
        self.make_id_token(&state, provider, &state.account, nonce)
    }

    fn make_id_token(&self, state: &State, provider: &str, account: &Account, nonce: Option<&str>) -> String {
        let (behaviour, now) = (&state.behaviour, self.now().timestamp() + state.behaviour.moved_by);
        let below = if provider == "linkedin" { "/oauth" } else { "" };
        let mut claims = json!({
            "iss": format!("{}/{provider}{below}", self.origin), "aud": client_id(provider), "azp": client_id(provider),
            "sub": account.subject, "iat": now, "nbf": now, "exp": now + 3600,
            "email": account.email, "email_verified": account.verified,
            "given_name": "John", "family_name": "von Doe",
        });
        if let Some(nonce) = nonce {
            claims["nonce"] = json!(if behaviour.other_nonce { "another nonce" } else { nonce });
        }
        for (name, value) in &behaviour.claims {
            claims[*name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        state.keys.sign(behaviour.signing, &claims)
    }
}

impl State {
    fn next(&mut self, what: &str) -> String {
        self.counter += 1;
        format!("{what}-canary-{}", self.counter)
    }

    fn complain(&mut self, about: &str) {
        self.complaints.push(about.to_owned());
    }
}

pub fn client_id(provider: &str) -> String {
    format!("{provider}-client")
}
