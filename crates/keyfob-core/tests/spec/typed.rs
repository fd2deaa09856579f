//! Resources from and to types of an application's own, which serde describes.

use std::collections::BTreeMap;

use keyfob_core::{
    Resource,
    json::{JsonError, MAX_DEPTH},
};
use serde::{Deserialize, Serialize, ser::SerializeMap};
use serde_json::{json, value::RawValue};

use crate::support::{group_type, user_type};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Shift {
    Day,
    Night,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Contact {
    Nobody,
    Person(String),
    Phones(String, u16),
    Desk { floor: i8, doors: Vec<char> },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Badge(u64);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Nothing;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Employee {
    user_name: String,
    active: bool,
    badge: Badge,
    locker: (u8, Option<f64>),
    nothing: Nothing,
    shift: Shift,
    hours: BTreeMap<Shift, i32>,
    contacts: Vec<Contact>,
    title: Option<String>,
    picture: Vec<u8>,
    balance: i128,
    #[serde(rename = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User")]
    enterprise: Enterprise,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Enterprise {
    department: String,
}

fn employee() -> Employee {
    Employee {
        user_name: "bjensen".into(),
        active: true,
        badge: Badge(9_007_199_254_740_993),
        locker: (7, Some(0.1)),
        nothing: Nothing,
        shift: Shift::Night,
        hours: BTreeMap::from([(Shift::Day, 0), (Shift::Night, -8)]),
        contacts: vec![
            Contact::Nobody,
            Contact::Person("babs".into()),
            Contact::Phones("+1".into(), 65_535),
            Contact::Desk {
                floor: -1,
                doors: vec!['a', 'ö'],
            },
        ],
        title: None,
        picture: vec![0, 255],
        balance: i64::MIN.into(),
        enterprise: Enterprise {
            department: "Tours".into(),
        },
    }
}

#[test]
fn a_type_with_all_that_serde_knows_is_the_resource_of_its_json_and_comes_back() {
    let employee = employee();
    let resource = Resource::from_serde(&employee, user_type()).unwrap();
    let text = serde_json::to_vec(&employee).unwrap();
    assert_eq!(resource, Resource::from_json(&text, user_type()).unwrap());
    // The order is that of the type, as it is in the text.
    assert_eq!(resource.to_json(), text);
    assert_eq!(resource.to_serde::<Employee>().unwrap(), employee);
    assert_eq!(resource.extensions().len(), 1);
}

#[test]
fn rfc_7643_4_2_members_of_a_serde_type_are_a_relation_and_come_back() {
    let team = json!({"displayName": "Guides", "members": [{"value": "b", "type": "User"}, {"value": "a"}]});
    let resource = Resource::from_serde(&team, group_type()).unwrap();
    assert_eq!(resource.relation("members").unwrap().len(), 2);
    assert_eq!(resource.to_serde::<serde_json::Value>().unwrap(), team);
}

#[test]
fn what_does_not_fit_the_type_is_told_with_its_path() {
    let whole = serde_json::to_value(employee()).unwrap();
    let cases = [
        (
            "/userName",
            json!(5),
            "`userName`: invalid type: integer `5`, expected a string",
        ),
        (
            "/badge",
            json!(-1),
            "`badge`: invalid value: integer `-1`, expected u64",
        ),
        (
            "/badge",
            json!(1.5),
            "`badge`: invalid type: floating point `1.5`, expected u64",
        ),
        (
            "/locker",
            json!([1]),
            "`locker`: invalid length 1, expected a tuple of size 2",
        ),
        (
            "/locker",
            json!([1, 2, 3]),
            "`locker`: invalid length 3, expected fewer values",
        ),
        (
            "/locker/1",
            json!("x"),
            "`locker[1]`: invalid type: string \"x\", expected f64",
        ),
        (
            "/shift",
            json!("noon"),
            "`shift`: unknown variant `noon`, expected `day` or `night`",
        ),
        (
            "/shift",
            json!([]),
            "`shift`: invalid type: an array, expected a string, or an object with one member",
        ),
        (
            "/hours/day",
            json!("x"),
            "`hours.day`: invalid type: string \"x\", expected i32",
        ),
        (
            "/contacts/2/Phones/1",
            json!(-1),
            "`contacts[2].Phones[1]`: invalid value: integer `-1`, expected u16",
        ),
        (
            "/contacts/3/Desk/floor",
            json!(128),
            "`contacts[3].Desk.floor`: invalid value: integer `128`, expected i8",
        ),
        (
            "/contacts/3",
            json!({}),
            "`contacts[3]`: invalid type: an object, expected a string, or an object with one member",
        ),
        (
            "/urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
            json!({}),
            "`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User`: missing field `department`",
        ),
    ];
    for (place, value, expected) in cases {
        let mut changed = whole.clone();
        *changed.pointer_mut(place).unwrap() = value;
        let resource = Resource::from_serde(&changed, user_type()).unwrap();
        let error = resource.to_serde::<Employee>().unwrap_err();
        assert_eq!(error.to_string(), expected, "{place}");
    }
    let error = Resource::default().to_serde::<Employee>().unwrap_err();
    assert_eq!(error.to_string(), "missing field `userName`");
}

/// Serializes two members that have the same name up to case, which no struct has.
struct Twice;

impl Serialize for Twice {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("a", &1)?;
        map.serialize_entry("A", &2)?;
        map.end()
    }
}

#[derive(Serialize)]
struct Deep(Option<Box<[Deep; 1]>>);

fn deep(levels: usize) -> Deep {
    (0..levels).fold(Deep(None), |inner, _| Deep(Some(Box::new([inner]))))
}

#[test]
fn what_no_resource_can_hold_is_refused_with_its_path() {
    fn error<T: Serialize>(value: T) -> String {
        let value = BTreeMap::from([("a", [value])]);
        Resource::from_serde(&value, user_type()).unwrap_err().to_string()
    }
    assert_eq!(error(1_u64 << 63), "`a[0]`: the number is too large");
    assert_eq!(error(i128::MIN), "`a[0]`: the number is too large");
    assert_eq!(error(-1e300), "`a[0]`: the number is too large");
    assert_eq!(error(f64::NAN), "`a[0]`: the number is not finite");
    assert_eq!(error(f32::INFINITY), "`a[0]`: the number is not finite");
    assert_eq!(error(Twice), "`a[0]`: the attribute `A` stands there twice");
    assert_eq!(
        error(BTreeMap::from([(5, 5)])),
        "`a[0]`: an integer is no name of an attribute: a string is"
    );
    assert_eq!(error(Badge(u64::MAX)), "`a[0]`: the number is too large");
    let path = format!("`a{}`", "[0]".repeat(MAX_DEPTH - 1));
    assert_eq!(error(deep(MAX_DEPTH)), format!("{path}: the body nests too deep"));
    // The object and its array are two levels.
    let deepest = BTreeMap::from([("a", [deep(MAX_DEPTH - 2)])]);
    assert!(Resource::from_serde(&deepest, user_type()).is_ok());
    for value in [json!("text"), json!([1]), json!(null)] {
        let error = Resource::from_serde(&value, user_type()).unwrap_err().to_string();
        assert!(error.ends_with("expected a JSON object"), "{error}");
    }
}

/// Holds what `serde_json` has as text: any value, and numbers with its feature `arbitrary_precision`.
#[derive(Serialize)]
struct Texts<'t> {
    preferences: &'t RawValue,
    weight: serde_json::Number,
    more: serde_json::Value,
}

fn texts(preferences: &str) -> Result<Resource, JsonError> {
    let texts = Texts {
        preferences: serde_json::from_str(preferences).unwrap(),
        weight: serde_json::Number::from_f64(1.5).unwrap(),
        more: serde_json::from_str("[2, -2.5, 1e2]").unwrap(),
    };
    Resource::from_serde(&texts, user_type())
}

#[test]
fn what_serde_json_has_as_text_is_the_value_that_the_text_says() {
    let resource = texts(r#"{"colour": "red", "size": [0.5]}"#).unwrap();
    let text = r#"{"preferences": {"colour": "red", "size": [0.5]}, "weight": 1.5, "more": [2, -2.5, 1e2]}"#;
    assert_eq!(
        resource,
        Resource::from_json(text.as_bytes(), user_type()).unwrap()
    );
    let expected = serde_json::from_str::<serde_json::Value>("[2, -2.5, 100.0]").unwrap();
    assert_eq!(
        resource.to_serde::<serde_json::Value>().unwrap()["more"],
        expected
    );
    let error = texts(r#"{"a": 1, "A": 2}"#).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`preferences`: the attribute `A` stands there twice"
    );
    let error = texts(&format!("{}{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH))).unwrap_err();
    assert_eq!(error.to_string(), "`preferences`: the body nests too deep");
}

#[test]
fn rfc_7643_4_1_1_a_password_that_does_not_fit_is_not_shown() {
    #[derive(Debug, Deserialize)]
    struct Pin {
        #[serde(rename = "password")]
        _password: u32,
    }
    for password in [json!("t1meMa$heen"), json!(["t1meMa$heen"])] {
        let user = Resource::from_serde(&json!({"password": password}), user_type()).unwrap();
        let error = user.to_serde::<Pin>().unwrap_err();
        assert_eq!(error.to_string(), "`password`: the value doesn't fit the type");
    }
}
