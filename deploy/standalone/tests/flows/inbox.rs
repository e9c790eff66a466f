//! The inbox of the real mail server, as its owner reads it.

use std::time::Duration;

use reqwest::Client;
use serde_json::Value;
use test_support::found;

const SOON: Duration = Duration::from_mins(1);

pub(crate) struct Inbox {
    url: String,
    http: Client,
}

#[derive(Debug)]
pub(crate) struct Mail {
    pub(crate) text: String,
}

impl Inbox {
    pub(crate) fn new(url: &str) -> Self {
        let http = service_kit::http::client(Duration::from_secs(20));
        Self { url: format!("{}/email", url.trim_end_matches('/')), http }
    }

    /// The mails to an address whose subject has these words.
    pub(crate) async fn all(&self, to: &str, subject: &str) -> Vec<Mail> {
        let mails: Vec<Value> = self.http.get(&self.url).send().await.unwrap().json().await.unwrap();
        let mine = mails.iter().filter(|mail| {
            mail["to"][0]["address"] == to && mail["subject"].as_str().is_some_and(|is| is.contains(subject))
        });
        mine.map(|mail| Mail { text: mail["text"].as_str().unwrap().to_owned() }).collect()
    }

    /// The only such mail, once it is there.
    pub(crate) async fn mail(&self, to: &str, subject: &str) -> Mail {
        let poll = async || {
            let mut mails = self.all(to, subject).await;
            assert!(mails.len() < 2, "{subject:?} came more than once to {to}: {mails:?}");
            mails.pop()
        };
        found(&format!("{subject:?} to {to}"), SOON, poll).await.0
    }
}

impl Mail {
    /// The link below this address.
    #[track_caller]
    pub(crate) fn link(&self, begin: &str) -> String {
        let at = self.text.find(begin).unwrap_or_else(|| panic!("no {begin} in {}", self.text));
        self.text[at..].split_whitespace().next().unwrap().to_owned()
    }

    /// The last part of that link.
    #[track_caller]
    pub(crate) fn token(&self, begin: &str) -> String {
        self.link(begin).rsplit('/').next().unwrap().to_owned()
    }

    #[track_caller]
    pub(crate) fn code(&self) -> String {
        let rest = self.text.split_once("Your code: ").unwrap_or_else(|| panic!("no code in {}", self.text)).1;
        rest.chars().take_while(char::is_ascii_alphanumeric).collect()
    }
}
