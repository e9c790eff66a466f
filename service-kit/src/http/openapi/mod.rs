//! The parts that every service's OpenAPI document has in common, so that no handler repeats them.
//!
//! [`finish`] adds the routes that every server has, the answers that the server itself can give to any request (too much to
//! do, out of time, a fault of ours, a body that does not come or is none), and the headers that go with a status. A handler's
//! own descriptions stay.

mod answers;
mod builtin;
mod conditional;
mod exact;
mod parameters;
mod problems;
mod share;

use std::collections::BTreeSet;
use std::io::Write as _;

use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{OpenApi, OpenApiVersion, Server, Tag};

pub use answers::{FAULTS, problem, put_problem};
pub use builtin::BUILTIN_PATHS;
pub use conditional::{add_etag, conditional_change, conditional_read};
pub use exact::set_values;

/// The name of the security scheme of bearer tokens.
pub const BEARER: &str = "bearer";

/// Prints a document on standard output, for tools.
pub fn print(document: &OpenApi) -> std::io::Result<()> {
    writeln!(std::io::stdout(), "{}", document.to_pretty_json()?)
}

/// Sets the version to 3.1, declares the bearer scheme (as the default of all operations if `required`) and completes the
/// document.
pub fn finish(document: &mut OpenApi, bearer_required: bool) {
    document.openapi = OpenApiVersion::Version31;
    let mut scheme = Http::new(HttpAuthScheme::Bearer);
    scheme.bearer_format = Some("JWT".to_owned());
    scheme.description = Some("An access token of bank-service: `POST /auth/login`.".to_owned());
    let components = document.components.get_or_insert_default();
    components.add_security_scheme(BEARER, SecurityScheme::Http(scheme));
    if bearer_required {
        document.security = Some(vec![SecurityRequirement::new(BEARER, Vec::<String>::new())]);
    }
    builtin::add(document);
    let components = document.components.get_or_insert_default();
    answers::strict_problem_body(components);
    exact::complete_components(components);
    let security = document.security.clone();
    for item in document.paths.paths.values_mut() {
        for operation in operations_of(item) {
            operation.security = operation.security.take().filter(|own| Some(own) != security.as_ref());
            parameters::never_null(operation);
            answers::complete(operation);
            exact::complete_operation(operation);
        }
    }
    for schema in enveloped(document) {
        set_values(document, &schema, "msg", &["item created", "item updated", "item deleted"]);
        share::share_property(document, &schema, "msg", "ItemMessage");
    }
    share::share(document);
    describe_request_id(document);
    document.servers.get_or_insert_with(|| vec![Server::new("/")]);
    declare_tags(document);
}

/// Said once, and not at each good answer.
fn describe_request_id(document: &mut OpenApi) {
    let about = document.info.description.take().unwrap_or_default();
    let request_id = "Every answer has `X-Request-Id`, the request's id in our logs.";
    document.info.description = Some(format!("{about} {request_id}").trim().to_owned());
}

/// The names of the answers to changes.
fn enveloped(document: &OpenApi) -> Vec<String> {
    let schemas = document.components.iter().flat_map(|components| components.schemas.keys());
    schemas.filter(|name| name.starts_with("ItemBody_")).cloned().collect()
}

/// Declares every tag that is used, in the order of names; those that are declared keep their descriptions.
fn declare_tags(document: &mut OpenApi) {
    let operations = document.paths.paths.values_mut().flat_map(operations_of);
    let used: BTreeSet<String> = operations.flat_map(|operation| operation.tags.clone().unwrap_or_default()).collect();
    let mut declared = document.tags.take().unwrap_or_default();
    if !declared.iter().any(|tag| tag.name == builtin::TAG) {
        let about = "What every service has: health, metrics, documentation";
        declared.push(TagBuilder::new().name(builtin::TAG).description(Some(about)).build());
    }
    declared.retain(|tag| used.contains(&tag.name));
    declared.extend(
        used.iter().filter(|name| !declared.iter().any(|tag| tag.name == **name)).map(Tag::new).collect::<Vec<_>>(),
    );
    declared.sort_by(|a, b| a.name.cmp(&b.name));
    document.tags = Some(declared);
}

/// A path's operations, of the methods that our services have.
fn operations_of(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.put, &mut item.delete].into_iter().flatten()
}

/// Documents every path below one root below another one too; ids of operations get a suffix, since each is unique.
pub fn alias(document: &mut OpenApi, root: &str, alias: &str, suffix: &str) {
    let paths = document.paths.paths.iter();
    let mut aliases: Vec<_> =
        paths.filter_map(|(path, item)| Some((format!("{alias}{}", below(root, path)?), item.clone()))).collect();
    for (_, item) in &mut aliases {
        for operation in operations_of(item) {
            operation.operation_id = operation.operation_id.take().map(|id| format!("{id}{suffix}"));
        }
    }
    document.paths.paths.extend(aliases);
}

fn below<'a>(root: &str, path: &'a str) -> Option<&'a str> {
    path.strip_prefix(root).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}
