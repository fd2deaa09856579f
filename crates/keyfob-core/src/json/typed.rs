//! Resources from and to types of the application's own, by serde.

mod fault;
mod reader;
mod writer;

use serde::{Serialize, de::DeserializeOwned, de::DeserializeSeed};

use self::{fault::Fault, reader::Reader, writer::Writer};
use super::{JsonError, resource::ResourceSeed};
use crate::{resource::Resource, schema::ResourceType};

impl Resource {
    /// Creates a resource of any type that serializes as a JSON object, as [`from_json`](Self::from_json) does from its
    /// text. No text is made on the way.
    ///
    /// ```
    /// use keyfob_core::{Registry, Resource, ResourceId};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Debug, PartialEq, Serialize, Deserialize)]
    /// #[serde(rename_all = "camelCase")]
    /// struct Team {
    ///     display_name: String,
    ///     members: Vec<Member>,
    /// }
    ///
    /// #[derive(Debug, PartialEq, Serialize, Deserialize)]
    /// struct Member {
    ///     value: String,
    /// }
    ///
    /// let team = Team { display_name: "Tour Guides".into(), members: vec![Member { value: "2819c223".into() }] };
    /// let group = Registry::rfc().resource_type("Group").unwrap();
    /// let resource = Resource::from_serde(&team, group)?;
    /// assert!(resource.relation("members").unwrap().contains(&ResourceId::new("2819c223")));
    /// assert_eq!(resource.to_serde::<Team>()?, team);
    /// # Ok::<(), keyfob_core::json::JsonError>(())
    /// ```
    ///
    /// # Errors
    /// [`JsonError`] with the path of the value and without a line: the type doesn't serialize as an object, or it holds
    /// something that no resource can hold, such as a number of 2^63, a number that is not finite, two names that are equal
    /// up to case, or more than [`MAX_DEPTH`](super::MAX_DEPTH) levels.
    ///
    /// # Complexity
    /// Linear in the value.
    pub fn from_serde<T: Serialize + ?Sized>(
        value: &T,
        resource_type: &ResourceType,
    ) -> Result<Self, JsonError> {
        let seed = ResourceSeed {
            resource_type: Some(resource_type),
            room: 0,
        };
        let resource = value
            .serialize(Writer::new())
            .and_then(|value| seed.deserialize(Reader(value)));
        Ok(resource?)
    }

    /// Creates a value of any type that deserializes from the resource's JSON. No text is made on the way.
    ///
    /// The names are those that the resource holds. A resource that [`validate`](crate::validate) made canonical has the
    /// schema's spelling, whatever the client sent; serde compares names with regard to case.
    ///
    /// ```
    /// use keyfob_core::{Resource, SchemaUri};
    /// use serde::Deserialize;
    ///
    /// #[derive(Debug, Deserialize)]
    /// struct Badge {
    ///     number: u32,
    /// }
    ///
    /// #[derive(Debug, Deserialize)]
    /// struct Person {
    ///     badges: Vec<Badge>,
    /// }
    ///
    /// let json = br#"{"badges": [{"number": 7}, {"number": "8"}]}"#;
    /// let person: Resource = serde_json::from_slice(json)?;
    /// let error = person.to_serde::<Person>().unwrap_err();
    /// assert_eq!(error.to_string(), r#"`badges[1].number`: invalid type: string "8", expected u32"#);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`JsonError`] with the path of the attribute and without a line: the type needs what the resource lacks, or an
    /// attribute has a value of another type. The value of a `password` is not shown.
    ///
    /// # Complexity
    /// Linear in the resource.
    pub fn to_serde<T: DeserializeOwned>(&self) -> Result<T, JsonError> {
        let value = self
            .serialize(Writer::new())
            .and_then(|value| T::deserialize(Reader(value)));
        Ok(value?)
    }
}

impl From<Fault> for JsonError {
    fn from(fault: Fault) -> Self {
        Self {
            message: fault.to_string().into(),
            line: 0,
            column: 0,
        }
    }
}
