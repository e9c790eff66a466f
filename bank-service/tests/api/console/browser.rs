//! A browser at the console: it keeps cookies, names its origin, and follows no redirect by itself.

use std::cell::RefCell;
use std::collections::BTreeMap;

use reqwest::header::{COOKIE, HeaderMap, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder};

use crate::harness::{ADMIN, PASSWORD, TestApp};

/// The screens of the bank and of users, for an administrator of the fixture.
pub(crate) const SCREENS: [&str; 8] = [
    "/console/users",
    "/console/users/1",
    "/console/bank",
    "/console/bank/banks",
    "/console/bank/clients",
    "/console/bank/accounts",
    "/console/bank/cards",
    "/console/bank/transfers",
];

pub(crate) struct Browser<'a> {
    pub(crate) app: &'a TestApp,
    client: Client,
    pub(crate) cookies: RefCell<BTreeMap<String, String>>,
}

/// An answer, read completely.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Page {
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// The path that it leads to.
    #[track_caller]
    pub(crate) fn leads_to(&self) -> &str {
        assert_eq!(self.status, 303, "{}", self.text);
        self.headers[LOCATION].to_str().unwrap()
    }

    /// The value of the first field of this name.
    #[track_caller]
    pub(crate) fn field(&self, name: &str) -> String {
        let begin = format!("name=\"{name}\" value=\"");
        let (_, rest) = self.text.split_once(&begin).unwrap_or_else(|| panic!("no {name} in {}", self.text));
        rest.split('"').next().unwrap().replace("&#x2f;", "/")
    }
}

impl<'a> Browser<'a> {
    pub(crate) fn new(app: &'a TestApp) -> Self {
        let client = Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
        Self { app, client, cookies: RefCell::default() }
    }

    /// A browser in which the administrator is logged in, who is created on first use.
    pub(crate) async fn of_admin(app: &'a TestApp) -> Self {
        app.admin().await;
        Self::of(app, ADMIN).await
    }

    /// A browser in which a member of staff is logged in.
    pub(crate) async fn of(app: &'a TestApp, email: &str) -> Self {
        let browser = Self::new(app);
        let answer = browser.log_in(email, PASSWORD).await;
        assert_eq!(answer.leads_to(), "/console");
        browser
    }

    pub(crate) async fn log_in(&self, email: &str, password: &str) -> Page {
        self.post("/console/login", &[("email", email), ("password", password), ("next", "/console")]).await
    }

    pub(crate) async fn get(&self, path: &str) -> Page {
        self.send(self.request(Method::GET, path)).await
    }

    /// Sends a form from a page of this site.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        self.send(self.request(Method::POST, path).header(ORIGIN, self.app.url("")).form(fields)).await
    }

    /// The same with the token of the session, which the page has that the form is on.
    pub(crate) async fn submit(&self, on: &str, path: &str, fields: &[(&str, &str)]) -> Page {
        let token = self.get(on).await.expect(200).field("_token");
        let mut fields = fields.to_vec();
        fields.push(("_token", &token));
        self.post(path, &fields).await
    }

    /// A request with the cookies.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, self.app.url(path));
        let cookies: Vec<String> =
            self.cookies.borrow().iter().map(|(name, value)| format!("{name}={value}")).collect();
        if cookies.is_empty() { request } else { request.header(COOKIE, cookies.join("; ")) }
    }

    pub(crate) async fn send(&self, request: RequestBuilder) -> Page {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        for cookie in headers.get_all(SET_COOKIE) {
            let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            let mut cookies = self.cookies.borrow_mut();
            if rest.contains("Max-Age=0") {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Page { status, headers, text: response.text().await.unwrap() }
    }

    /// The cookie of its session.
    #[track_caller]
    pub(crate) fn session(&self) -> String {
        self.cookies.borrow()["console"].clone()
    }

    /// Whether its session opens a page.
    pub(crate) async fn is_in(&self) -> bool {
        self.get("/console/bank").await.status == 200
    }
}
