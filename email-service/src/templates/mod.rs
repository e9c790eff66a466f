//! The mails: a subject, a text and an HTML part for each, embedded in the binary.
//!
//! Values are data, never templates: an expression in them stays literal. HTML parts escape every value; the other parts
//! are plain text. A value that a template names and does not get is an error, never a gap in a mail.

mod facts;
mod files;

pub use facts::{Facts, FactsError, Values};

use minijinja::{AutoEscape, Environment, UndefinedBehavior};

use crate::domain::{Content, single_line};

/// The footer of the text parts, as the HTML layout has it.
const FOOTER: &str = "This mail was sent automatically. Replies to it are not read.";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Template {
    AccountCreated,
    BankCreated,
    UserCreated,
    VerifyEmail,
    ResetPassword,
    Notice,
    Invitation,
    Test,
}

impl Template {
    pub const ALL: [Self; 8] = [
        Self::AccountCreated,
        Self::BankCreated,
        Self::UserCreated,
        Self::VerifyEmail,
        Self::ResetPassword,
        Self::Notice,
        Self::Invitation,
        Self::Test,
    ];

    /// The name in `email.requested`, in previews and in file names.
    pub fn name(self) -> &'static str {
        match self {
            Self::AccountCreated => "account.created",
            Self::BankCreated => "bank.created",
            Self::UserCreated => "user.created",
            Self::VerifyEmail => "verify-email",
            Self::ResetPassword => "reset-password",
            Self::Notice => "notice",
            Self::Invitation => "invitation",
            Self::Test => "test",
        }
    }

    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|template| template.name() == name)
    }

    /// The template of an event that is mailed itself.
    pub fn for_event(event_type: &str) -> Option<Self> {
        Self::by_name(event_type).filter(|template| template.is_event())
    }

    /// The template that `email.requested` may name.
    pub fn requested(name: &str) -> Option<Self> {
        Self::by_name(name).filter(|template| !template.is_event() && *template != Self::Test)
    }

    fn is_event(self) -> bool {
        matches!(self, Self::AccountCreated | Self::BankCreated | Self::UserCreated)
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
        for (name, source) in files::FILES {
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

    use super::*;

    fn render(template: Template, data: &serde_json::Value) -> Content {
        let facts = Facts::read(template, data).unwrap();
        Templates::new("").unwrap().render(template, &facts.values).unwrap()
    }

    #[test]
    fn every_template_renders_with_nothing_optional() {
        for template in Template::ALL {
            let data = json!({"link": "https://bank.example/x", "text": "x"});
            let content = render(template, &data);
            assert!(!content.subject.is_empty() && !content.text.is_empty() && !content.html.is_empty());
        }
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
