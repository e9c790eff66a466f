//! Each status has one problem among the components. What a status means on most routes is described once, by `default`; a
//! route's own words stay at the route, as the description of a reference (OpenAPI 3.1 lets it replace the other).

use std::collections::BTreeMap;

use serde_json::json;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{Components, Ref, RefOr, Response};

use super::answers;
use crate::http::problem::{ErrorCode, PROBLEM_JSON};

/// The statuses that mean the same on nearly every route.
const ANYWHERE: [&str; 13] =
    ["400", "401", "403", "404", "408", "409", "412", "413", "415", "422", "426", "500", "503"];
const DEFAULT: &str = "default";
const DEFAULT_NAME: &str = "AnyProblem";

pub(super) fn share(operations: &mut [&mut Operation], components: &mut Components) {
    let usual = usual(operations);
    for operation in operations.iter_mut() {
        let responses = &mut operation.responses.responses;
        let before = responses.len();
        responses.retain(|status, response| {
            let description = problem(response).map(|problem| &problem.description);
            !ANYWHERE.contains(&status.as_str())
                || description.is_none()
                || description != usual.get(status).map(|one| &one.description)
        });
        if responses.len() < before {
            responses.insert(DEFAULT.to_owned(), RefOr::Ref(Ref::from_response_name(DEFAULT_NAME)));
        }
        for (status, response) in responses {
            refer(status, response, &usual, components);
        }
    }
    components.responses.insert(DEFAULT_NAME.to_owned(), RefOr::T(any_problem(&usual)));
}

/// Of each status the problem that most operations answer with.
fn usual(operations: &[&mut Operation]) -> BTreeMap<String, Response> {
    let mut counts: BTreeMap<(&str, &str), (usize, &Response)> = BTreeMap::new();
    for (status, response) in operations.iter().flat_map(|one| &one.responses.responses) {
        if let Some(problem) = problem(response) {
            counts.entry((status, &problem.description)).or_insert((0, problem)).0 += 1;
        }
    }
    let mut usual: BTreeMap<String, (usize, &Response)> = BTreeMap::new();
    for ((status, _), (count, problem)) in counts {
        let known = usual.entry(status.to_owned()).or_insert((count, problem));
        if count > known.0 {
            *known = (count, problem);
        }
    }
    usual.into_iter().map(|(status, (_, problem))| (status, problem.clone())).collect()
}

fn problem(response: &RefOr<Response>) -> Option<&Response> {
    match response {
        RefOr::T(given) if given.content.len() == 1 && given.content.contains_key(PROBLEM_JSON) => Some(given),
        _ => None,
    }
}

fn refer(
    status: &str,
    response: &mut RefOr<Response>,
    usual: &BTreeMap<String, Response>,
    components: &mut Components,
) {
    let (Some(description), Some(usual)) = (problem(response), usual.get(status)) else { return };
    let Some(code) = code_of(status, usual) else { return };
    let name = format!("{code:?}");
    let mut reference = Ref::from_response_name(&name);
    if description.description != usual.description {
        reference.description.clone_from(&description.description);
    }
    components.responses.entry(name).or_insert_with(|| RefOr::T(with_example(usual.clone(), code)));
    *response = RefOr::Ref(reference);
}

/// The first code that a problem names, or the usual one of its status.
fn code_of(status: &str, problem: &Response) -> Option<ErrorCode> {
    let named = problem.description.split('`').skip(1).step_by(2).find_map(|word| word.parse::<ErrorCode>().ok());
    let status = status.parse::<u16>().ok().and_then(|status| status.try_into().ok());
    named.or_else(|| status.map(ErrorCode::from_status))
}

fn any_problem(usual: &BTreeMap<String, Response>) -> Response {
    let description =
        ANYWHERE.iter().filter_map(|status| Some(format!("{status}: {}", usual.get(*status)?.description)));
    let description: Vec<String> = description.collect();
    let mut problem = answers::problem(format!("Any other problem. {}", description.join(". ")));
    answers::add_headers(DEFAULT, &mut problem);
    with_example(problem, ErrorCode::AccessDenied)
}

fn with_example(mut problem: Response, code: ErrorCode) -> Response {
    if let Some(RefOr::T(content)) = problem.content.get_mut(PROBLEM_JSON) {
        content.example.get_or_insert_with(|| {
            json!({
                "type": format!("/docs/errors/{code}"), "title": code.title(), "status": code.status().as_u16(),
                "detail": code.title(), "msg": code.title(), "error": code.as_str(),
            })
        });
    }
    problem
}
