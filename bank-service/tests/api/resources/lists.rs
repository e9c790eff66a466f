//! Lists: pages, edges, cursors, filters.

use bank_service::domain::bank::Bank;
use bank_service::domain::city::City;
use bank_service::domain::policy::Scope;
use bank_service::domain::social_status::SocialStatus;
use bank_service::store::named::NamedItem;
use bank_service::store::{Db, StoreError, accounts, branches, cards, clients, named, roles, users};
use serde_json::{Value, json};
use service_kit::http::paging::{Filter, FilterKind, FilterValue, ListQuery, PageRequest};
use shared_events::AccountId;

use super::fixture::Fixture;
use crate::harness::{Person, TestApp, start_of_tests};

/// A service with `count` cities: `City a`, `City b`, …
async fn cities(count: u8) -> (TestApp, Person) {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    for number in 0..count {
        let name = format!("City {}", char::from(b'a' + number));
        app.post(&admin.token, "/api/cities", json!({"name": name})).await.expect(201);
    }
    (app, admin)
}

fn ids(list: &Value) -> Vec<i64> {
    list["results"].as_array().unwrap().iter().map(|item| item["id"].as_i64().unwrap()).collect()
}

#[actix_web::test]
async fn an_empty_list_has_no_pages_and_links_to_the_first() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    for path in ["banks", "cities", "social-statuses", "branches", "clients", "accounts", "cards"] {
        let path = format!("/api/{path}");
        let link = format!("{path}?page_number=1&page_size=5");
        let expected = json!({"total": 0, "pages": 0, "next": link, "prev": link, "results": [], "cursor": null});
        assert_eq!(app.get(&admin.token, &path).await.expect(200), expected);
        assert_eq!(app.get(&admin.token, &format!("{path}?page_number=2")).await.outcome(), (404, "not_found"));
    }
}

#[actix_web::test]
async fn pages_link_to_their_neighbours_and_edges_to_themselves() {
    let (app, admin) = cities(7).await;
    let page = async |number: i64| {
        let path = format!("/api/cities?page_number={number}&page_size=3");
        app.get(&admin.token, &path).await.expect(200)
    };
    let link = |number: i64| json!(format!("/api/cities?page_number={number}&page_size=3"));
    for (number, prev, next, expected) in [(1, 1, 2, vec![1, 2, 3]), (2, 1, 3, vec![4, 5, 6]), (3, 2, 3, vec![7])] {
        let list = page(number).await;
        assert_eq!((&list["total"], &list["pages"]), (&json!(7), &json!(3)));
        assert_eq!((&list["prev"], &list["next"]), (&link(prev), &link(next)), "page {number}");
        assert_eq!(ids(&list), expected);
    }
    for beyond in ["4", "1000000000"] {
        let path = format!("/api/cities?page_number={beyond}&page_size=3");
        assert_eq!(app.get(&admin.token, &path).await.outcome(), (404, "not_found"), "{beyond}");
    }
    assert_eq!(ids(&app.get(&admin.token, "/api/cities").await.expect(200)).len(), 5, "the default");
}

#[actix_web::test]
async fn links_keep_the_filters() {
    let fixture = Fixture::new().await;
    let token = fixture.ada.token();
    let cards = format!("/api/accounts/{}/cards", fixture.ada.account);
    for balance in [520, 520, 520, 7] {
        fixture.app.post(token, &cards, json!({"balance": balance})).await.expect(201);
    }
    let list = fixture.app.get(token, &format!("{cards}?balance=520&page_size=2")).await.expect(200);
    assert_eq!((&list["total"], &list["pages"]), (&json!(3), &json!(2)));
    assert_eq!(list["next"], format!("{cards}?page_number=2&page_size=2&balance=520"));
    let next = list["next"].as_str().unwrap();
    let last = fixture.app.get(token, next).await.expect(200);
    assert_eq!(last["results"].as_array().unwrap().len(), 1);
    assert_eq!(last["next"], next);
}

#[actix_web::test]
async fn a_cursor_walk_sees_what_the_pages_show() {
    let (app, admin) = cities(7).await;
    let all = ids(&app.get(&admin.token, "/api/cities?page_size=100").await.expect(200));
    let (mut seen, mut cursor, mut tail) = (Vec::new(), Some(String::new()), String::new());
    // Like generated clients: with the first page's number, and for as long as there is a cursor.
    while let Some(after) = cursor {
        let list =
            app.get(&admin.token, &format!("/api/cities?page_number=1&page_size=3&after={after}")).await.expect(200);
        assert!(list.get("total").is_none());
        assert!(!ids(&list).is_empty(), "no step is in vain");
        seen.extend(ids(&list));
        cursor = list["cursor"].as_str().map(str::to_owned);
        list["tail"].as_str().unwrap().clone_into(&mut tail);
    }
    assert_eq!(seen, all);
    // The listing continues from its tail when items were added.
    app.post(&admin.token, "/api/cities", json!({"name": "Late City"})).await.expect(201);
    assert_eq!(ids(&app.get(&admin.token, &format!("/api/cities?after={tail}")).await.expect(200)), [8]);
}

#[actix_web::test]
async fn a_cursor_of_a_list_with_other_ids_is_refused_not_the_end() {
    let fixture = Fixture::new().await;
    let (app, admin) = (&fixture.app, &fixture.admin.token);
    app.post(admin, "/api/cities", json!({"name": "Second City"})).await.expect(201);
    let mut cursors = Vec::new();
    for path in ["/api/cities", "/api/transfers"] {
        let first = app.get(admin, &format!("{path}?page_size=1")).await.expect(200);
        cursors.push((path, first["cursor"].as_str().unwrap().to_owned()));
    }
    for (path, _) in &cursors {
        for (of, cursor) in &cursors {
            let answer = app.get(admin, &format!("{path}?after={cursor}")).await;
            if path == of {
                assert!(!answer.expect(200)["results"].as_array().unwrap().is_empty(), "{path}");
            } else {
                assert_eq!(answer.outcome(), (422, "validation_failed"), "{path} by a cursor of {of}");
                assert!(answer.body["errors"]["after"].is_array(), "{}", answer.body);
            }
        }
    }
}

#[actix_web::test]
async fn a_cursor_of_another_list_with_ids_of_the_same_kind_is_refused() {
    let fixture = Fixture::new().await;
    let (app, admin) = (&fixture.app, &fixture.admin.token);
    for path in ["/api/banks", "/api/cities"] {
        app.post(admin, path, json!({"name": "The Second"})).await.expect(201);
    }
    fixture.pay(1).await;
    let entries = [fixture.ada.account, fixture.bob.account].map(|id| format!("/api/accounts/{id}/entries"));
    let paths = ["/api/banks", "/api/cities", "/api/accounts", "/api/cards", "/api/users", "/api/ledger/accounts"];
    let paths: Vec<String> = paths.map(str::to_owned).into_iter().chain(entries).collect();
    let mut cursors = Vec::new();
    for path in &paths {
        let first = app.get(admin, &format!("{path}?page_size=1")).await.expect(200);
        cursors.push((path, first["cursor"].as_str().unwrap().to_owned()));
    }
    for path in &paths {
        for (of, cursor) in &cursors {
            let answer = app.get(admin, &format!("{path}?after={cursor}")).await;
            if path == *of {
                assert!(!answer.expect(200)["results"].as_array().unwrap().is_empty(), "{path}");
                app.get(admin, &format!("/v1{path}/?after={cursor}")).await.expect(200);
            } else {
                assert_eq!(answer.outcome(), (422, "validation_failed"), "{path} by a cursor of {of}");
                assert!(answer.body["errors"]["after"].is_array(), "{}", answer.body);
            }
        }
    }
}

#[actix_web::test]
async fn a_page_links_to_its_neighbours_in_a_header_too() {
    let (app, admin) = cities(3).await;
    let middle = app.get(&admin.token, "/v1/api/cities?page_number=2&page_size=1").await;
    let links: Vec<_> = middle.headers.get_all("link").iter().map(|link| link.to_str().unwrap()).collect();
    let next = "</v1/api/cities?page_number=3&page_size=1>; rel=\"next\"";
    assert_eq!(links, [next, "</v1/api/cities?page_number=1&page_size=1>; rel=\"prev\""]);
    let only = app.get(&admin.token, "/api/cities").await;
    assert!(only.headers.get("link").is_none());
    assert_eq!(only.body["cursor"], Value::Null);
    assert!(app.get(&admin.token, "/api/cities?page_size=1").await.body["cursor"].is_string());
}

#[actix_web::test]
async fn filters_match_exactly() {
    let fixture = Fixture::new().await;
    let admin = &fixture.admin.token;
    let (ada, bob) = (&fixture.ada, &fixture.bob);
    let cases = [
        ("/api/banks?name=First%20Bank".to_owned(), vec![fixture.bank]),
        ("/api/banks?name=first".to_owned(), vec![]),
        (format!("/api/branches?bank_id={}&city_id={}", fixture.bank, fixture.city), vec![fixture.branch]),
        (format!("/api/branches?city_id={}", fixture.city + 1), vec![]),
        (format!("/api/clients?social_status_id={}", fixture.status), vec![ada.client, bob.client]),
        ("/api/clients?name=Bob".to_owned(), vec![bob.client]),
        (format!("/api/clients?user_id={}", ada.person.id), vec![ada.client]),
        (format!("/api/accounts?client_id={}&currency=EUR&balance=520", bob.client), vec![bob.account]),
        ("/api/accounts?currency=USD".to_owned(), vec![]),
        ("/api/accounts?balance=-1".to_owned(), vec![]),
        (format!("/api/accounts?bank_id={}", fixture.bank), vec![ada.account, bob.account]),
        (format!("/api/cards?account_id={}", bob.account), vec![bob.card]),
        ("/api/cards?name".to_owned(), vec![-1]),
        ("/api/cards?balance=0100".to_owned(), vec![-1]),
        ("/api/cards?balance=%2B100".to_owned(), vec![-1]),
    ];
    for (path, expected) in cases {
        let answer = fixture.app.get(admin, &path).await;
        if expected == [-1] {
            assert_eq!(answer.outcome(), (422, "validation_failed"), "{path}");
        } else {
            assert_eq!(ids(&answer.expect(200)), expected, "{path}");
        }
    }
}

#[actix_web::test]
async fn a_name_is_found_in_any_spelling() {
    let fixture = Fixture::new().await;
    let admin = &fixture.admin.token;
    let made = fixture.app.post(admin, "/api/cities", json!({"name": "Kraków"})).await.item(201);
    // An `o` with a combining accent, and a leading blank.
    let list = fixture.app.get(admin, "/api/cities?name=%20Krako%CC%81w").await.expect(200);
    assert_eq!(ids(&list), [made["id"].as_i64().unwrap()]);
}

/// The lists without pages contain a few items each.
#[actix_web::test]
async fn lists_without_pages_and_routes_with_few_parameters_refuse_what_they_do_not_know() {
    let fixture = Fixture::new().await;
    let token = &fixture.ada.person.token;
    for path in ["/api/devices", "/auth/social", "/auth/social/google/start", "/api/events/stream"] {
        for query in ["page_size=5", "after=", "user_id=1"] {
            let answer = fixture.app.get(token, &format!("{path}?{query}")).await;
            assert_eq!(answer.outcome(), (422, "validation_failed"), "{path}?{query}");
            let name = query.split('=').next().unwrap();
            assert_eq!(answer.body["errors"], json!({name: ["unknown parameter"]}), "{path}?{query}");
        }
    }
    let twice = fixture.app.get(token, "/api/events/stream?channels=card&channels=account").await;
    assert_eq!(twice.body["errors"], json!({"channels": ["must be given once"]}));
    fixture.app.get(token, "/api/devices?").await.expect(200);
}

#[actix_web::test]
async fn bad_queries_are_refused_by_every_list() {
    let fixture = Fixture::new().await;
    let lists =
        ["banks", "cities", "social-statuses", "branches", "clients", "accounts", "cards"].map(|l| format!("/api/{l}"));
    let nested = [
        format!("/api/banks/{}/branches", fixture.bank),
        format!("/api/banks/{}/accounts", fixture.bank),
        format!("/api/clients/{}/accounts", fixture.ada.client),
        format!("/api/accounts/{}/cards", fixture.ada.account),
    ];
    for list in lists.iter().chain(&nested) {
        for (query, field) in [
            ("page_size=0", "page_size"),
            ("page_size=101", "page_size"),
            ("page_size=abc", "page_size"),
            ("page_number=0", "page_number"),
            ("page_number=-1", "page_number"),
            ("page_number=1.5", "page_number"),
            ("page_number=01", "page_number"),
            ("page_number=%2B1", "page_number"),
            ("page_number=+1", "page_number"),
            ("page_size=010", "page_size"),
            ("page_number=99999999999999999999", "page_number"),
            ("after=nonsense", "after"),
            ("password_hash=x", "password_hash"),
            ("version=1", "version"),
            ("id=1%27%20OR%201=1", "id"),
            ("id=9223372036854775808", "id"),
            ("page_size=5&page_size=6", "page_size"),
        ] {
            let answer = fixture.app.get(&fixture.admin.token, &format!("{list}?{query}")).await;
            assert_eq!(answer.outcome(), (422, "validation_failed"), "{list}?{query}");
            assert!(answer.body["errors"][field].is_array(), "{list}?{query}: {}", answer.body);
        }
        let all = fixture.app.get(&fixture.admin.token, &format!("{list}?page_size=0&secret=1&page_number=x")).await;
        assert_eq!(all.body["errors"].as_object().unwrap().len(), 3, "all faults at once");
    }
}

type List = fn(&mut Db, &ListQuery) -> Result<(), StoreError>;

/// Every list of the store, with the filters that its route takes.
const LISTS: [(&str, &[Filter], List); 10] = [
    ("banks", named::FILTERS, |db, query| Bank::list(db, query).map(drop)),
    ("cities", named::FILTERS, |db, query| City::list(db, query).map(drop)),
    ("social statuses", named::FILTERS, |db, query| SocialStatus::list(db, query).map(drop)),
    ("branches", branches::FILTERS, |db, query| branches::list(db, None, query).map(drop)),
    ("clients", clients::FILTERS, |db, query| clients::list(db, query).map(drop)),
    ("accounts", accounts::FILTERS, |db, query| accounts::list(db, Scope::All, None, query).map(drop)),
    ("cards", cards::FILTERS, |db, query| cards::list(db, Scope::All, None, query).map(drop)),
    ("cards of an account", cards::FILTERS, |db, query| {
        cards::list(db, Scope::All, AccountId::try_new(1).ok(), query).map(drop)
    }),
    ("users", users::FILTERS, |db, query| users::list(db, query).map(drop)),
    ("roles", roles::FILTERS, |db, query| roles::list(db, query).map(drop)),
];

#[actix_web::test]
async fn every_filter_has_a_condition_and_one_without_is_an_error_and_no_list_of_everything() {
    let app = TestApp::start().await;
    let filtered_by = |name: &'static str, value: FilterValue| ListQuery {
        page: PageRequest::Number { number: 1, size: 5 },
        filters: vec![(name, value)],
    };
    let checked = app.running.state.store.read(move |db| {
        let mut wrong = Vec::new();
        for (list, filters, load) in LISTS {
            for Filter { name, kind } in filters.iter().copied() {
                let value = match kind {
                    FilterKind::Integer => FilterValue::Integer(1),
                    FilterKind::Text => FilterValue::Text("a".to_owned()),
                    FilterKind::OneOf(values) => FilterValue::Text(values[0].to_owned()),
                    FilterKind::Boolean => FilterValue::Boolean(true),
                    FilterKind::Date => FilterValue::Date(start_of_tests()),
                };
                wrong.extend(load(db, &filtered_by(name, value)).err().map(|error| format!("{list}: {error}")));
            }
            let unknown = load(db, &filtered_by("color", FilterValue::Integer(1)));
            if !matches!(unknown, Err(StoreError::UnknownFilter("color"))) {
                wrong.push(format!("{list}: {unknown:?}"));
            }
        }
        Ok::<_, StoreError>(wrong)
    });
    assert_eq!(checked.await.unwrap(), Vec::<String>::new());
}
