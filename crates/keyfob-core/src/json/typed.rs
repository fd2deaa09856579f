//! Resources from and to types of the application's own, by serde.

use serde::{Serialize, de::DeserializeOwned, de::DeserializeSeed};

use super::{JsonError, resource::ResourceSeed};
use crate::{resource::Resource, schema::ResourceType};

impl Resource {
    /// Creates a resource of any type that serializes as a JSON object, as [`from_json`](Self::from_json) would of its
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
    /// [`JsonError`], without a line, where the type doesn't serialize as an object or holds what no resource can hold,
    /// such as a number of 2^63.
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
        Ok(seed.deserialize(serde_json::to_value(value)?)?)
    }

    /// Creates a value of any type that deserializes from the resource's JSON. No text is made on the way.
    ///
    /// The names are those that the resource holds. A resource that [`validate`](crate::validate) made canonical has the
    /// schema's spelling, whatever the client sent; serde compares names with regard to case.
    ///
    /// # Errors
    /// [`JsonError`], without a line, where the type needs what the resource lacks, or something of another type.
    ///
    /// # Complexity
    /// Linear in the resource.
    pub fn to_serde<T: DeserializeOwned>(&self) -> Result<T, JsonError> {
        Ok(serde_json::from_value(serde_json::to_value(self)?)?)
    }
}
