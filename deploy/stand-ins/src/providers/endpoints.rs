//! The answers of the stand-in, as the providers' own documentation has them.

use std::collections::HashMap;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Account, CLIENT_SECRET, FailureMode, Grant, Providers, State, client_id};

type Form = HashMap<String, String>;

fn pairs(text: &str) -> Form {
    url::form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

fn problem(status: u16, error: &str) -> HttpResponse {
    HttpResponse::build(StatusCode::from_u16(status).unwrap()).json(json!({"error": error}))
}

/// A fault as Facebook's Graph interface reports it.
fn graph_problem(code: i64) -> HttpResponse {
    HttpResponse::BadRequest().json(json!({"error": {"message": "a fault", "type": "OAuthException", "code": code}}))
}

impl Providers {
    pub(super) async fn answer(&self, request: &HttpRequest, body: &[u8]) -> HttpResponse {
        let path = request.path().to_owned();
        let behaviour = {
            let mut state = self.state();
            state.seen.push(format!("{} {path}", request.method()));
            state.behaviour.clone()
        };
        let consents = path.ends_with("/auth") || path.ends_with("/authorize") || path.ends_with("/authorization");
        if !(consents || path.ends_with("/dialog/oauth")) {
            match behaviour.failure {
                FailureMode::None => {}
                FailureMode::Silent => futures_util::future::pending::<()>().await,
                FailureMode::Endless => return HttpResponse::Ok().json("x".repeat(128 * 1024)),
                FailureMode::Status(status) => {
                    let status = StatusCode::from_u16(status).unwrap();
                    return HttpResponse::build(status).insert_header(("Location", "/elsewhere")).json(json!({}));
                }
            }
        }
        let (provider, rest) = path.trim_start_matches('/').split_once('/').unwrap();
        self.route(provider, rest, request, body)
    }

    fn route(&self, provider: &str, rest: &str, request: &HttpRequest, body: &[u8]) -> HttpResponse {
        let (query, form) = (pairs(request.query_string()), pairs(&String::from_utf8_lossy(body)));
        match (provider, request.method().as_str(), rest) {
            ("github", "GET", "login/oauth/authorize")
            | ("google", "GET", "o/oauth2/v2/auth")
            | ("linkedin", "GET", "oauth/v2/authorization")
            | ("facebook", "GET", "dialog/oauth") => self.consent_page(provider, &query),
            ("github", "POST", "login/oauth/access_token")
            | ("google", "POST", "token")
            | ("linkedin", "POST", "oauth/v2/accessToken")
            | ("facebook", "POST", "oauth/access_token") => self.exchange(provider, &form),
            ("google", "GET", "oauth2/v3/certs")
            | ("linkedin", "GET", "oauth/openid/jwks")
            | ("facebook", "GET", ".well-known/oauth/openid/jwks/") => {
                HttpResponse::Ok().json(self.state().keys.jwks())
            }
            ("github", "POST", "api/v3/applications/github-client/token") => self.check_github(request, body),
            ("github", "GET", "api/v3/user/emails") => self.github_emails(request),
            ("google", "POST", "tokeninfo") => self.tokeninfo(request),
            ("linkedin", "POST", "oauth/v2/introspectToken") => self.introspect(&form),
            ("linkedin", "GET", "v2/userinfo") => self.userinfo(request),
            ("facebook", "GET", "debug_token") => self.debug_token(&query),
            ("facebook", "GET", "me") => self.graph_me(&query),
            _ => {
                self.state().complain(&format!("no such address: {provider} {rest}"));
                problem(404, "not_found")
            }
        }
    }

    /// The consent page; the person consents at once.
    fn consent_page(&self, provider: &str, query: &Form) -> HttpResponse {
        let mut state = self.state();
        let mut expect = |name: &str, value: &str| {
            if query.get(name).map(String::as_str) != Some(value) {
                state.complain(&format!("{provider}: {name} is {:?}", query.get(name)));
            }
        };
        expect("response_type", "code");
        expect("client_id", &client_id(provider));
        expect("redirect_uri", &format!("{}/auth/social/{provider}/callback", self.public_url));
        if provider != "linkedin" {
            expect("code_challenge_method", "S256");
        }
        if !state.complaints.is_empty() {
            return problem(400, "invalid_request");
        }
        let code = state.next("code");
        let grant = Grant {
            provider: provider.to_owned(),
            redirect_uri: query["redirect_uri"].clone(),
            challenge: query.get("code_challenge").cloned(),
            nonce: query.get("nonce").cloned().filter(|_| provider != "linkedin"),
            account: state.account.clone(),
        };
        state.codes.insert(code.clone(), grant);
        let back = format!("{}?code={code}&state={}", query["redirect_uri"], query["state"]);
        HttpResponse::Found().insert_header(("Location", back)).finish()
    }

    /// Exchanges a code for tokens: once, for its own client and address, with the verifier of its challenge.
    fn exchange(&self, provider: &str, form: &Form) -> HttpResponse {
        let mut state = self.state();
        let refusal = |error: &str| match provider {
            "facebook" => graph_problem(if error == "invalid_client" { 1 } else { 100 }),
            // GitHub reports it with a success.
            "github" => problem(200, error),
            _ => problem(400, error),
        };
        let get = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        let is_client = get("client_id") == client_id(provider) && get("client_secret") == CLIENT_SECRET;
        if !is_client || (provider == "linkedin" && form.contains_key("code_verifier")) {
            state.complain(&format!("{provider}: the client is not known"));
            return refusal("invalid_client");
        }
        let grant_type = get("grant_type");
        if ["google", "linkedin"].contains(&provider) && grant_type != "authorization_code" {
            state.complain(&format!("{provider}: grant_type is {grant_type}"));
        }
        let bad_code = if provider == "github" { "bad_verification_code" } else { "invalid_grant" };
        let Some(grant) = state.codes.remove(get("code")).filter(|grant| grant.provider == provider) else {
            return refusal(bad_code);
        };
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(get("code_verifier")));
        if grant.redirect_uri != get("redirect_uri") || grant.challenge.is_some_and(|known| known != challenge) {
            state.complain(&format!("{provider}: redirect_uri or code_verifier is another one"));
            return refusal(bad_code);
        }
        let token = state.next("token");
        state.tokens.insert(token.clone(), grant.account.clone());
        let mut answer = json!({"access_token": token, "token_type": "bearer", "expires_in": 3600});
        if provider != "github" {
            answer["id_token"] = json!(self.make_id_token(&state, provider, &grant.account, grant.nonce.as_deref()));
        }
        HttpResponse::Ok().json(answer)
    }

    fn check_github(&self, request: &HttpRequest, body: &[u8]) -> HttpResponse {
        let basic = STANDARD.encode(format!("github-client:{CLIENT_SECRET}"));
        if header(request, "Authorization") != format!("Basic {basic}") || header(request, "User-Agent").is_empty() {
            self.state().complain("github: client authentication or User-Agent is missing");
            return problem(401, "unauthorized");
        }
        let body: Value = serde_json::from_slice(body).unwrap();
        let state = self.state();
        let Some(account) = state.tokens.get(body["access_token"].as_str().unwrap()) else {
            return problem(404, "not_found");
        };
        let subject: i64 = account.subject.parse().unwrap();
        HttpResponse::Ok().json(
            json!({"app": {"client_id": state.client("github")}, "user": {"id": subject, "name": "John von Doe"}}),
        )
    }

    fn github_emails(&self, request: &HttpRequest) -> HttpResponse {
        self.bearer(request, |account| {
            let primary = json!({"email": account.email, "primary": true, "verified": account.verified});
            let other = json!({"email": "old@example.com", "primary": false, "verified": false});
            if account.email.is_some() { json!([other, primary]) } else { json!([]) }
        })
    }

    fn tokeninfo(&self, request: &HttpRequest) -> HttpResponse {
        let client = self.state().client("google");
        self.bearer(request, |account| {
            json!({"aud": client, "azp": client, "sub": account.subject, "email": account.email,
                "email_verified": account.verified.to_string(), "expires_in": "3599"})
        })
    }

    fn introspect(&self, form: &Form) -> HttpResponse {
        let mut state = self.state();
        if form.get("client_secret").map(String::as_str) != Some(CLIENT_SECRET) {
            state.complain("linkedin: client_secret is another one");
            return problem(401, "invalid_client");
        }
        let active = state.tokens.contains_key(&form["token"]);
        HttpResponse::Ok().json(json!({"active": active, "client_id": state.client("linkedin"), "status": "active"}))
    }

    fn userinfo(&self, request: &HttpRequest) -> HttpResponse {
        self.bearer(request, |account| {
            json!({"sub": account.subject, "email": account.email, "email_verified": account.verified,
                    "given_name": "John", "family_name": "von Doe"})
        })
    }

    fn debug_token(&self, query: &Form) -> HttpResponse {
        let mut state = self.state();
        if query["access_token"] != format!("facebook-client|{CLIENT_SECRET}") {
            state.complain("facebook: the app's token is another one");
            return graph_problem(190);
        }
        let Some(account) = state.tokens.get(&query["input_token"]) else {
            return HttpResponse::Ok().json(json!({"data": {"is_valid": false}}));
        };
        let data =
            json!({"app_id": state.client("facebook"), "is_valid": true, "user_id": account.subject, "type": "USER"});
        HttpResponse::Ok().json(json!({"data": data}))
    }

    fn graph_me(&self, query: &Form) -> HttpResponse {
        let key = hmac::Key::new(hmac::HMAC_SHA256, CLIENT_SECRET.as_bytes());
        let proof = hex::encode(hmac::sign(&key, query["access_token"].as_bytes()));
        let mut state = self.state();
        if query["appsecret_proof"] != proof {
            state.complain("facebook: appsecret_proof is another one");
        }
        let Some(account) = state.tokens.get(&query["access_token"]) else { return graph_problem(190) };
        let known =
            json!({"id": account.subject, "email": account.email, "first_name": "John", "last_name": "von Doe"});
        let requested: Vec<&str> = query["fields"].split(',').collect();
        let selected = known.as_object().unwrap().iter().filter(|(name, _)| requested.contains(&name.as_str()));
        HttpResponse::Ok().json(Value::Object(selected.map(|(name, value)| (name.clone(), value.clone())).collect()))
    }

    fn bearer(&self, request: &HttpRequest, answer: impl FnOnce(&Account) -> Value) -> HttpResponse {
        let state = self.state();
        let token = header(request, "Authorization").trim_start_matches("Bearer ").to_owned();
        match state.tokens.get(&token) {
            Some(account) => HttpResponse::Ok().json(answer(account)),
            None => problem(401, "invalid_token"),
        }
    }
}

impl State {
    fn client(&self, provider: &str) -> String {
        if self.behaviour.other_client { "somebody-elses-client".to_owned() } else { client_id(provider) }
    }
}

fn header<'a>(request: &'a HttpRequest, name: &str) -> &'a str {
    request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
