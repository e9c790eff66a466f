//! Lists of objects that are requests of their own. A fault of one is named by its index and its field (`transfers[1].amount`).

use serde_json::Value;
use utoipa::ToSchema;

use super::{Fields, FromFields, parse};

impl Fields {
    /// A list of `min` to `max` objects that must be there. Every one is read, so that the faults of all are found.
    pub fn required_list<T: FromFields + ToSchema>(
        &mut self,
        name: &str,
        (min, max): (usize, usize),
        about: &str,
    ) -> Option<Vec<T>> {
        let given = self.required(name, parse::objects::<T>(min, max).described(about))?;
        let places = given.into_iter().enumerate().map(|(index, entry)| (format!("{name}[{index}]"), entry));
        let read: Vec<Option<T>> = places.map(|(place, entry)| self.entry(&place, entry)).collect();
        read.into_iter().collect()
    }

    fn entry<T: FromFields>(&mut self, place: &str, given: Value) -> Option<T> {
        let Value::Object(given) = given else {
            self.fault(place, "must be an object");
            return None;
        };
        match Self::read_object(given) {
            Ok(entry) => Some(entry),
            Err(problem) => {
                for (field, messages) in problem.errors() {
                    self.faults.insert(format!("{place}.{field}"), messages.clone());
                }
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use utoipa::PartialSchema;

    use super::*;
    use crate::request_schema;

    #[derive(Debug, PartialEq)]
    struct Item(i64);

    impl FromFields for Item {
        fn read(fields: &mut Fields) -> Option<Self> {
            fields.required("count", parse::integer()).map(Self)
        }
    }

    #[derive(Debug)]
    struct Items(Vec<Item>);

    impl FromFields for Items {
        fn read(fields: &mut Fields) -> Option<Self> {
            fields.required_list("items", (1, 5), "Some.").map(Self)
        }
    }

    request_schema!(Item);
    request_schema!(Items);

    fn faults(items: &Value) -> Value {
        let problem = Fields::read_slice::<Items>(json!({"items": items}).to_string().as_bytes()).unwrap_err();
        json!(problem.errors())
    }

    #[test]
    fn a_list_of_objects_is_read_in_its_order() {
        let items = Fields::read_slice::<Items>(br#"{"items":[{"count":2},{"count":1}]}"#).unwrap();
        assert_eq!(items.0, [Item(2), Item(1)]);
    }

    #[test]
    fn each_fault_of_each_entry_is_named_by_its_index() {
        let expected = json!({
            "items[1].count": ["is required"], "items[1].color": ["unknown field"], "items[2]": ["must be an object"],
            "items[4].count": ["must not be null"],
        });
        let items = json!([{"count": 1}, {"color": 1}, null, {"count": 2}, {"count": null}]);
        assert_eq!(faults(&items), expected);
    }

    #[test]
    fn a_list_of_objects_is_bounded_and_a_list() {
        assert_eq!(faults(&json!([])), json!({"items": ["must not be empty"]}));
        assert_eq!(faults(&json!([1, 2, 3, 4, 5, 6])), json!({"items": ["must have at most 5 entries"]}));
        assert_eq!(faults(&json!({"count": 1})), json!({"items": ["must be a list"]}));
        assert_eq!(faults(&json!(null)), json!({"items": ["must not be null"]}));
    }

    #[test]
    fn the_document_refers_to_the_type_of_the_entries() {
        let shown = serde_json::to_value(Items::schema()).unwrap();
        let items = json!({
            "type": "array", "description": "Some.", "minItems": 1, "maxItems": 5,
            "items": {"$ref": "#/components/schemas/Item"},
        });
        assert_eq!(shown["properties"]["items"], items);
    }
}
