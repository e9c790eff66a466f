//! The banner for a newcomer: the addresses, the login, and three calls that work when pasted.

use std::io::{self, Write};

use crate::demo::DemoUsers;

pub(crate) struct Addresses {
    pub(crate) bank: String,
    pub(crate) log: String,
    pub(crate) email: String,
    /// The location of the mails.
    pub(crate) mails: String,
}

pub(crate) struct Administrator {
    pub(crate) email: String,
    /// The password, if it was generated just now.
    pub(crate) shown_once: Option<String>,
}

pub(crate) fn print(addresses: &Addresses, administrator: &Administrator, demo: Option<&DemoUsers>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text(addresses, administrator, demo).as_bytes())?;
    out.flush()
}

fn text(addresses: &Addresses, administrator: &Administrator, demo: Option<&DemoUsers>) -> String {
    let Addresses { bank, log, email, mails } = addresses;
    let address = &administrator.email;
    let (login, password) = match &administrator.shown_once {
        Some(password) => (
            format!("{address}  password {password}\n                (made now and not shown again)"),
            password.as_str(),
        ),
        None => (format!("{address}  with the password of the first start, or of ADMIN_PASS"), "YOUR-PASSWORD"),
    };
    let demo = demo.map_or_else(String::new, |DemoUsers { addresses, password }| {
        format!("\n  demo users    {}  password {} (not shown again)", addresses.join(" "), password.expose())
    });
    format!(
        r#"
The bank is open. Ctrl-C closes it; the next start goes on where this one ends.

  console       {bank}/console
  bank-service  {bank}   API page {bank}/docs
  log-service   {log}   API page {log}/docs
  email-service {email}   API page {email}/docs
  mails         {mails}
  administrator {login}{demo}

Log in, open a bank, and see its log entry, which comes once its mail was accepted:

TOKEN=$(curl -s {bank}/auth/login -H 'Content-Type: application/json' -d '{{"email":"{address}","password":"{password}"}}' | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
curl -sw '\n' {bank}/api/banks -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '{{"name":"My Bank"}}'
sleep 1; curl -sw '\n' '{log}/api/logs?event_type=bank.created' -H "Authorization: Bearer $TOKEN"

"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_shown_when_it_was_made_and_not_otherwise() {
        let [bank, log, email] = ["http://b", "http://l", "http://e"].map(str::to_owned);
        let addresses = Addresses { bank, log, email, mails: "./data/mailbox".to_owned() };
        let mut administrator = Administrator { email: "a@b".into(), shown_once: Some("pw-1".into()) };
        let first = text(&addresses, &administrator, None);
        assert!(first.contains("\"password\":\"pw-1\"") && first.contains("http://b/docs"), "{first}");
        administrator.shown_once = None;
        assert!(!text(&addresses, &administrator, None).contains("pw-1"));
        let demo = DemoUsers { addresses: vec!["c@d".to_owned()], password: service_kit::config::Secret::new("pw-2") };
        assert!(text(&addresses, &administrator, Some(&demo)).contains("c@d  password pw-2"));
    }
}
