//! The mails: a subject, a text and an HTML part for each, embedded in the binary.
//!
//! Values are data, never templates: an expression in them stays literal. HTML parts escape every value; the other parts
//! are plain text. A value that a template names and does not get is an error, never a gap in a mail.

mod facts;

pub use facts::{Facts, FactsError, Values};

use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use shared_events::catalog;

use crate::domain::{Content, single_line};
use facts::Field;
use facts::Kind::{Amount, Line, Link, Number, Side, Text};
use facts::Need::{Optional, Required, UnlessCode};

/// The footer of the text parts, as the HTML layout has it.
const FOOTER: &str = "This mail was sent automatically. Replies to it are not read.";

/// Declares the mails: name, fields, and the files `<name>.subject.txt`, `<name>.txt` and `<name>.html`.
macro_rules! templates {
    ($($template:ident = $name:literal, $fields:expr;)+) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Template {
            $($template),+
        }

        impl Template {
            pub const ALL: &'static [Self] = &[$(Self::$template),+];

            fn declared(self) -> (&'static str, &'static [Field]) {
                match self {
                    $(Self::$template => ($name, $fields)),+
                }
            }
        }

        /// File name and source of each part.
        const FILES: &[(&str, &str)] = &[
            ("layout.html", include_str!("../../templates/layout.html")),
            $(
                (concat!($name, ".subject.txt"), include_str!(concat!("../../templates/", $name, ".subject.txt"))),
                (concat!($name, ".txt"), include_str!(concat!("../../templates/", $name, ".txt"))),
                (concat!($name, ".html"), include_str!(concat!("../../templates/", $name, ".html"))),
            )+
        ];
    };
}

const LINK_OR_CODE: &[Field] =
    &[("name", Line, Optional), ("link", Link, UnlessCode), ("code", Line, Optional), ("valid_for", Line, Optional)];

// A mail with the name of an event is that event's, and `transfer` that of all events of transfers; the others are asked for by
// `email.requested`.
templates! {
    AccountCreated = "account.created",
        &[("id", Number, Optional), ("name", Line, Optional), ("amount", Amount("balance"), Optional)];
    BankCreated = "bank.created", &[("id", Number, Optional), ("name", Line, Optional)];
    UserCreated = "user.created", &[];
    VerifyEmail = "verify-email", LINK_OR_CODE;
    ResetPassword = "reset-password", LINK_OR_CODE;
    Notice = "notice", &[("name", Line, Optional), ("subject", Line, Optional), ("text", Text, Required)];
    Invitation = "invitation",
        &[("name", Line, Optional), ("link", Link, Required), ("code", Line, Optional), ("valid_for", Line, Optional)];
    Test = "test", &[];
    // No text of a customer, and of both sides only which they are.
    Transfer = "transfer", &[
        ("id", Line, Optional),
        ("kind", Line, Optional),
        ("status", Line, Optional),
        ("hold_id", Line, Optional),
        ("amount", Amount("amount"), Optional),
        ("from", Side, Optional),
        ("to", Side, Optional),
    ];
}

impl Template {
    /// The name in `email.requested`, in previews and in file names.
    pub fn name(self) -> &'static str {
        self.declared().0
    }

    fn fields(self) -> &'static [Field] {
        self.declared().1
    }

    /// The fields of its data, in words.
    pub fn fields_in_words(self) -> String {
        match self.fields() {
            [] => "none".to_owned(),
            fields => fields.iter().map(|(name, kind, need)| kind.in_words(name, *need)).collect::<Vec<_>>().join(", "),
        }
    }

    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|template| template.name() == name)
    }

    /// The template of an event that is mailed itself.
    pub fn for_event(event_type: &str) -> Option<Self> {
        let entity = catalog::find(event_type)?.entity();
        Self::by_name(event_type).or((entity == Self::Transfer.name()).then_some(Self::Transfer))
    }

    /// The template that `email.requested` may name.
    pub fn requested(name: &str) -> Option<Self> {
        let is_own = |template: &Self| template.is_event() || matches!(template, Self::Test | Self::Transfer);
        Self::by_name(name).filter(|template| !is_own(template))
    }

    fn is_event(self) -> bool {
        catalog::find(self.name()).is_some()
    }
}

/// All templates, compiled.
pub struct Templates {
    environment: Environment<'static>,
    subject_prefix: String,
}

/// Why a mail could not be rendered: a fault in a template, never in the data.
#[derive(Debug, thiserror::Error)]
#[error("the template {template} cannot be rendered")]
pub struct RenderError {
    template: String,
    source: minijinja::Error,
}

impl Templates {
    /// Compiles the embedded templates. `subject_prefix` stands before every subject, and may be empty.
    pub fn new(subject_prefix: &str) -> Result<Self, RenderError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|name| match name.rsplit_once('.') {
            Some((_, "html")) => AutoEscape::Html,
            _ => AutoEscape::None,
        });
        for (name, source) in FILES {
            environment.add_template(name, source).map_err(|source| failure(name, source))?;
        }
        Ok(Self { environment, subject_prefix: single_line(subject_prefix) })
    }

    /// Renders the three parts.
    pub fn render(&self, template: Template, values: &Values) -> Result<Content, RenderError> {
        let name = template.name();
        let subject = single_line(&self.part(&format!("{name}.subject.txt"), values)?);
        Ok(Content {
            subject: format!("{} {subject}", self.subject_prefix).trim().to_owned(),
            text: format!("{}\n\n{FOOTER}\n", self.part(&format!("{name}.txt"), values)?.trim_end()),
            html: self.part(&format!("{name}.html"), values)?,
        })
    }

    fn part(&self, file: &str, values: &Values) -> Result<String, RenderError> {
        self.environment
            .get_template(file)
            .and_then(|template| template.render(values))
            .map_err(|source| failure(file, source))
    }
}

fn failure(template: &str, source: minijinja::Error) -> RenderError {
    RenderError { template: template.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;
    use shared_events::events::Destination;

    use super::*;

    fn render(template: Template, data: &serde_json::Value) -> Content {
        let facts = Facts::read(template, data).unwrap();
        Templates::new("").unwrap().render(template, &facts.values).unwrap()
    }

    #[test]
    fn every_template_renders_with_nothing_optional() {
        for template in Template::ALL.iter().copied() {
            let data = json!({"link": "https://bank.example/x", "text": "x"});
            let content = render(template, &data);
            assert!(!content.subject.is_empty() && !content.text.is_empty() && !content.html.is_empty());
        }
    }

    #[test]
    fn each_event_that_is_mailed_has_a_template_and_no_other_template_is_named_like_one() {
        for spec in catalog::all() {
            let is_mailed = spec.is_mailed() && spec.handling.destination != Destination::Mail;
            let is_transfer = spec.entity() == "transfer";
            let template = Template::for_event(spec.event_type);
            assert_eq!(template.is_some(), is_mailed || is_transfer, "{}", spec.event_type);
            assert_eq!(template == Some(Template::Transfer), is_transfer, "{}", spec.event_type);
        }
        for template in Template::ALL.iter().copied() {
            assert_eq!(template.is_event(), template.name().contains('.'), "{template:?}");
            let is_own = [Template::Test, Template::Transfer].contains(&template) || template.is_event();
            assert_eq!(Template::requested(template.name()).is_none(), is_own, "{template:?}");
        }
        assert_eq!(Template::for_event("transfer.of_a_later_release"), None);
    }

    #[test]
    fn markup_and_expressions_in_data_stay_literal() {
        let name = "<script>alert(1)</script>{{7*7}}{% raw %}";
        let content = render(Template::AccountCreated, &json!({"id": 1, "name": name}));
        assert!(!content.html.contains("<script>") && content.html.contains("&lt;script&gt;"), "{}", content.html);
        assert!(content.text.contains(name) && content.html.contains("{{7*7}}{% raw %}"));
    }

    #[test]
    fn a_prefix_stands_before_every_subject() {
        let templates = Templates::new("[test]").unwrap();
        let content = templates.render(Template::Test, &Values::new()).unwrap();
        assert_eq!(content.subject, "[test] Test mail");
    }

    proptest! {
        #[test]
        fn no_value_opens_a_tag(name in "\\PC{0,60}", text in "[\\PC\n]{0,60}") {
            let plain = render(Template::Notice, &json!({"name": "", "text": "x"})).html;
            let content = render(Template::Notice, &json!({"name": name, "subject": name, "text": format!("x{text}")}));
            let tags = |html: &str| html.matches('<').count();
            prop_assert_eq!(tags(&content.html), tags(&plain));
        }
    }
}
