//! Moves the parts that many operations have in common to the components and refers to them: documents stay small, and
//! generators make one type of one thing.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{AllOfBuilder, ArrayItems, ObjectBuilder, Schema};
use utoipa::openapi::{Components, Header, OpenApi, Ref, RefOr, Response};

use super::{operations_of, problems};

/// The generic envelopes, and the property of each that holds its items.
const ENVELOPES: [(&str, &str); 2] = [("ItemBody_", "item"), PAGE];
const PAGE: (&str, &str) = ("ListBody_", "results");
/// The name of the type that all pages extend.
const PAGE_NAME: &str = "ListPage";

pub(super) fn share(document: &mut OpenApi) {
    let mut components = document.components.take().unwrap_or_default();
    name_items(&mut components);
    share_page(&mut components);
    let mut operations: Vec<&mut Operation> = document.paths.paths.values_mut().flat_map(operations_of).collect();
    let parameters = common(operations.iter().flat_map(|one| one.parameters.iter().flatten()));
    for operation in &mut operations {
        for parameter in operation.parameters.iter_mut().flatten() {
            let RefOr::T(given) = parameter else { continue };
            if parameters.contains(&text(&*given)) {
                let name = given.name.clone();
                let key = put(&mut components.parameters, &name, given.clone());
                *parameter = RefOr::Ref(Ref::new(format!("#/components/parameters/{key}")));
            }
        }
    }
    problems::share(&mut operations, &mut components);
    let own = operations.iter_mut().flat_map(|one| one.responses.responses.values_mut());
    own.chain(components.responses.values_mut()).for_each(|response| share_headers(response, &mut components.headers));
    let answers = common(operations.iter().flat_map(|one| one.responses.responses.values()));
    for operation in &mut operations {
        for response in operation.responses.responses.values_mut().filter(|one| answers.contains(&text(&**one))) {
            share_answer(response, &mut components);
        }
    }
    document.components = Some(components);
}

/// Makes a property of a schema a type of its own, which others refer to.
pub(super) fn share_property(document: &mut OpenApi, schema: &str, property: &str, name: &str) {
    let Some(components) = &mut document.components else { return };
    let Some(RefOr::T(Schema::Object(object))) = components.schemas.get_mut(schema) else { return };
    let Some(own) = object.properties.get_mut(property) else { return };
    let own = std::mem::replace(own, RefOr::Ref(Ref::from_schema_name(name)));
    components.schemas.insert(name.to_owned(), own);
}

/// Makes the items of envelopes and lists types of their own, under the names that they have there.
fn name_items(components: &mut Components) {
    let names: Vec<String> = components.schemas.keys().cloned().collect();
    for name in names {
        let Some((item, property)) =
            ENVELOPES.iter().find_map(|(prefix, property)| Some((name.strip_prefix(prefix)?, *property)))
        else {
            continue;
        };
        let Some(RefOr::T(Schema::Object(envelope))) = components.schemas.get_mut(&name) else { continue };
        let inline = match envelope.properties.get_mut(property) {
            Some(RefOr::T(Schema::Array(list))) => match &mut list.items {
                ArrayItems::RefOrSchema(items) => &mut **items,
                ArrayItems::False => continue,
            },
            Some(schema) => schema,
            None => continue,
        };
        if matches!(inline, RefOr::T(_)) {
            let schema = std::mem::replace(inline, RefOr::Ref(Ref::from_schema_name(item)));
            components.schemas.entry(item.to_owned()).or_insert(schema);
        }
    }
}

/// Makes what all pages have in common a type of its own, of which each page is a further one.
fn share_page(components: &mut Components) {
    let (prefix, property) = PAGE;
    let pages: Vec<String> = components.schemas.keys().filter(|name| name.starts_with(prefix)).cloned().collect();
    if pages.len() < 2 {
        return;
    }
    for name in pages {
        let Some(RefOr::T(Schema::Object(page))) = components.schemas.get_mut(&name) else { continue };
        let Some(results) = page.properties.remove(property) else { continue };
        page.required.retain(|name| name != property);
        let common = page.clone();
        let own = ObjectBuilder::new().property(property, results).required(property);
        let further = AllOfBuilder::new().item(Ref::from_schema_name(PAGE_NAME)).item(own).build();
        components.schemas.insert(name, RefOr::T(Schema::AllOf(further)));
        components.schemas.entry(PAGE_NAME.to_owned()).or_insert(RefOr::T(Schema::Object(common)));
    }
}

/// The things, as texts, that stand in more than one place.
fn common<'a, T: Serialize + 'a>(things: impl Iterator<Item = &'a T>) -> Vec<String> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    for thing in things {
        *counts.entry(text(thing)).or_default() += 1;
    }
    counts.into_iter().filter(|(_, count)| *count > 1).map(|(text, _)| text).collect()
}

fn text(thing: &impl Serialize) -> String {
    serde_json::to_string(thing).unwrap_or_default()
}

/// Stores a thing under its name, or with a number behind it where another one has that; the same thing is stored once.
fn put<T: Serialize>(store: &mut BTreeMap<String, RefOr<T>>, name: &str, thing: T) -> String {
    let wanted = text(&thing);
    let mut key = name.to_owned();
    for number in 2..100 {
        match store.get(&key) {
            None => break,
            Some(known) if text(known) == wanted => return key,
            Some(_) => key = format!("{name}{number}"),
        }
    }
    store.insert(key.clone(), RefOr::T(thing));
    key
}

fn share_headers(response: &mut RefOr<Response>, headers: &mut BTreeMap<String, RefOr<Header>>) {
    let RefOr::T(response) = response else { return };
    for (name, header) in &mut response.headers {
        if let RefOr::T(given) = header {
            let key = put(headers, name, given.clone());
            *header = RefOr::Ref(Ref::new(format!("#/components/headers/{key}")));
        }
    }
}

/// Refers to an answer that several operations give. It is named by the type of its content.
fn share_answer(response: &mut RefOr<Response>, components: &mut Components) {
    let RefOr::T(given) = &*response else { return };
    let schemas = given.content.values().filter_map(|content| match content {
        RefOr::T(content) => content.schema.as_ref(),
        RefOr::Ref(_) => None,
    });
    let mut named = schemas.filter_map(|schema| match schema {
        RefOr::Ref(reference) => reference.ref_location.rsplit('/').next(),
        RefOr::T(_) => None,
    });
    let name = match named.next_back() {
        Some(name) => format!("{name}Answer"),
        None if given.content.is_empty() => "NotModified".to_owned(),
        None => return,
    };
    let key = put(&mut components.responses, &name, given.clone());
    *response = RefOr::Ref(Ref::from_response_name(key));
}
