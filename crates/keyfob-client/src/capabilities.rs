//! What a server can do, and how that is known.

use keyfob_core::{
    SmolStr, Value,
    message::{BulkLimits, ServiceProviderConfig},
};
use smol_str::format_smolstr;

use crate::preset::PresetError;

/// A value, and how it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a pair")]
pub struct Known<T> {
    /// The value.
    pub value: T,
    /// How it is known.
    pub origin: Origin,
}

/// How something is known of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// It is what the RFC or a [`Preset`](crate::Preset) says.
    Preset,
    /// The server says so.
    Discovered,
    /// Somebody tried.
    Probed,
    /// The program says so.
    Given,
}

/// What a server can do.
///
/// A client starts with what the RFC demands of every server; [`discover`](crate::Client::discover) adds what the server
/// says, and [`Target::preset`](crate::Target::preset) what is known beyond that. Operations keep within it: they split
/// requests, choose other forms, or fail with [`Error::Unsupported`](crate::Error::Unsupported) before anything is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// If true, PATCH is supported. Otherwise updates read the resource and replace it.
    pub patch: Known<bool>,
    /// If true, PUT is supported.
    pub put: Known<bool>,
    /// If true, DELETE is supported.
    pub delete: Known<bool>,
    /// If true, bulk requests are supported.
    pub bulk: Known<bool>,
    /// The limits of bulk requests.
    pub bulk_limits: Known<BulkLimits>,
    /// Which filters are understood.
    pub filter: Known<FilterSupport>,
    /// If true, lists can be sorted.
    pub sort: Known<bool>,
    /// If true, resources have entity tags, and `If-Match` is honoured.
    pub etag: Known<bool>,
    /// How lists are paged.
    pub paging: Known<Paging>,
    /// The size of the largest page.
    pub max_page: Known<Option<u32>>,
    /// The number of operations in a PATCH of anything but a group.
    pub operations_per_patch: Known<Option<u32>>,
    /// The number of operations in a PATCH of a group.
    pub operations_per_group_patch: Known<Option<u32>>,
    /// The number of members that a PATCH may add and remove.
    pub members_per_patch: Known<Option<u32>>,
    /// If true, GET of a group shows its members.
    pub members_readable: Known<bool>,
    /// If true, PATCH may replace or remove all members at once.
    pub members_replace: Known<bool>,
    /// How members are removed.
    pub remove_by: Known<RemoveBy>,
    /// If true, every operation of a PATCH needs a path.
    pub path_required: Known<bool>,
    /// What ends the access of a user.
    pub soft_delete: Known<SoftDelete>,
    /// The media type of requests.
    pub media_type: Known<MediaType>,
}

macro_rules! keywords {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $keyword:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// Returns the keyword in a preset.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $keyword,)*
                }
            }

            fn named(keyword: &str) -> Option<Self> {
                match keyword {
                    $($keyword => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

keywords! {
    /// Which filters a server understands.
    FilterSupport {
        /// None.
        Unsupported = "none",
        /// `eq`, and several of them joined by `and`.
        Equality = "equality",
        /// All of RFC 7644 section 3.4.2.2.
        Full = "full",
    }
}

keywords! {
    /// How lists are paged.
    Paging {
        /// By `startIndex` (RFC 7644 section 3.4.2.4).
        Index = "index",
        /// By `cursor` (RFC 9865).
        Cursor = "cursor",
    }
}

keywords! {
    /// How members are removed from a group.
    RemoveBy {
        /// By a path with a filter: `members[value eq "2819c223"]` (RFC 7644 section 3.5.2.2).
        Filter = "filter",
        /// By the path `members` with a list of values, which the RFC doesn't have.
        Value = "value",
    }
}

keywords! {
    /// What ends the access of a user.
    SoftDelete {
        /// DELETE removes the user.
        Delete = "delete",
        /// `active` is set to false; DELETE is refused or does the same.
        Active = "active",
    }
}

keywords! {
    /// The media type of requests.
    MediaType {
        /// `application/scim+json` (RFC 7644 section 8.1).
        Scim = "application/scim+json",
        /// `application/json`, for servers that know no other.
        Json = "application/json",
    }
}

impl Capabilities {
    /// Returns what the RFC demands of every server, and the values on which most agree.
    #[must_use]
    pub fn rfc() -> Self {
        fn known<T>(value: T) -> Known<T> {
            let origin = Origin::Preset;
            Known { value, origin }
        }
        Self {
            patch: known(true),
            put: known(true),
            delete: known(true),
            bulk: known(false),
            bulk_limits: known(BulkLimits::default()),
            filter: known(FilterSupport::Full),
            sort: known(true),
            etag: known(true),
            paging: known(Paging::Index),
            max_page: known(None),
            operations_per_patch: known(None),
            operations_per_group_patch: known(None),
            members_per_patch: known(None),
            members_readable: known(true),
            members_replace: known(true),
            remove_by: known(RemoveBy::Filter),
            path_required: known(false),
            soft_delete: known(SoftDelete::Delete),
            media_type: known(MediaType::Scim),
        }
    }

    /// Takes over what a server says of itself. What it doesn't say stays as it is.
    pub(crate) fn discovered(&mut self, config: &ServiceProviderConfig) {
        fn set<T>(place: &mut Known<T>, value: Option<T>) {
            if let Some(value) = value {
                let origin = Origin::Discovered;
                *place = Known { value, origin };
            }
        }
        set(&mut self.patch, config.patch);
        set(&mut self.bulk, config.bulk);
        set(&mut self.bulk_limits, config.bulk.map(|_| config.bulk_limits));
        set(&mut self.sort, config.sort);
        set(&mut self.etag, config.etag);
        let filter = config.filter.map(|supported| {
            if supported {
                FilterSupport::Full
            } else {
                FilterSupport::Unsupported
            }
        });
        set(&mut self.filter, filter);
        // Where both are supported, a cursor neither skips nor repeats what moves between two requests.
        let paging = match (config.cursor_pagination, config.index_pagination) {
            (Some(true), _) => Some(Paging::Cursor),
            (_, Some(true)) => Some(Paging::Index),
            _ => None,
        };
        set(&mut self.paging, paging);
        let sizes = [config.max_page_size, config.max_results];
        let max_page = sizes.into_iter().flatten().filter(|size| *size > 0).min();
        set(&mut self.max_page, max_page.map(|size| u32::try_from(size).ok()));
    }

    /// Sets what a preset or a program says under its name in a preset, such as `membersPerPatch`.
    ///
    /// ```
    /// use keyfob_client::{Capabilities, Origin};
    ///
    /// let mut capabilities = Capabilities::rfc();
    /// capabilities.set("membersPerPatch", &100.into(), Origin::Given)?;
    /// assert_eq!(capabilities.members_per_patch.value, Some(100));
    /// assert!(capabilities.set("removeBy", &"name".into(), Origin::Given).is_err());
    /// # Ok::<(), keyfob_client::PresetError>(())
    /// ```
    ///
    /// # Errors
    /// [`PresetError`] for a name that is none and a value that doesn't fit; nothing is changed then.
    pub fn set(&mut self, name: &str, value: &Value, origin: Origin) -> Result<(), PresetError> {
        let wrong = |expected| PresetError::Value {
            name: name.into(),
            expected,
        };
        let flag = |place: &mut Known<bool>| {
            let value = value.as_bool().ok_or_else(|| wrong("a boolean"))?;
            *place = Known { value, origin };
            Ok(())
        };
        let count = |place: &mut Known<Option<u32>>| {
            let positive = |number| u32::try_from(number).ok().filter(|number| *number > 0);
            let value = match value {
                Value::Null => None,
                other => Some(
                    other
                        .as_integer()
                        .and_then(positive)
                        .ok_or_else(|| wrong("a number from 1 on"))?,
                ),
            };
            *place = Known { value, origin };
            Ok(())
        };
        macro_rules! keyword {
            ($place:ident, $kind:ident) => {{
                let value = value
                    .as_str()
                    .and_then($kind::named)
                    .ok_or_else(|| wrong("one of its keywords"))?;
                self.$place = Known { value, origin };
                Ok(())
            }};
        }
        match name {
            "patch" => flag(&mut self.patch),
            "put" => flag(&mut self.put),
            "delete" => flag(&mut self.delete),
            "bulk" => flag(&mut self.bulk),
            "sort" => flag(&mut self.sort),
            "etag" => flag(&mut self.etag),
            "membersReadable" => flag(&mut self.members_readable),
            "membersReplace" => flag(&mut self.members_replace),
            "pathRequired" => flag(&mut self.path_required),
            "maxPage" => count(&mut self.max_page),
            "operationsPerPatch" => count(&mut self.operations_per_patch),
            "operationsPerGroupPatch" => count(&mut self.operations_per_group_patch),
            "membersPerPatch" => count(&mut self.members_per_patch),
            "filter" => keyword!(filter, FilterSupport),
            "paging" => keyword!(paging, Paging),
            "removeBy" => keyword!(remove_by, RemoveBy),
            "softDelete" => keyword!(soft_delete, SoftDelete),
            "mediaType" => keyword!(media_type, MediaType),
            _ => Err(PresetError::Name(name.into())),
        }
    }

    /// Returns each capability under its name in a preset, as text, with how it is known.
    #[must_use]
    pub fn list(&self) -> Vec<(&'static str, SmolStr, Origin)> {
        fn count(known: Known<Option<u32>>) -> (SmolStr, Origin) {
            let text = known.value.map_or_else(
                || SmolStr::new_static("unlimited"),
                |count| format_smolstr!("{count}"),
            );
            (text, known.origin)
        }
        let flag = |known: Known<bool>| {
            (
                SmolStr::new_static(if known.value { "yes" } else { "no" }),
                known.origin,
            )
        };
        let limits = self.bulk_limits.value;
        let limit = |limit: Option<u64>| {
            let text = limit.map_or_else(
                || SmolStr::new_static("unlimited"),
                |limit| format_smolstr!("{limit}"),
            );
            (text, self.bulk_limits.origin)
        };
        macro_rules! keyword {
            ($known:expr) => {
                (SmolStr::new_static($known.value.as_str()), $known.origin)
            };
        }
        [
            ("patch", flag(self.patch)),
            ("put", flag(self.put)),
            ("delete", flag(self.delete)),
            ("bulk", flag(self.bulk)),
            ("bulkMaxOperations", limit(limits.max_operations)),
            ("bulkMaxPayloadSize", limit(limits.max_payload_size)),
            ("filter", keyword!(self.filter)),
            ("sort", flag(self.sort)),
            ("etag", flag(self.etag)),
            ("paging", keyword!(self.paging)),
            ("maxPage", count(self.max_page)),
            ("operationsPerPatch", count(self.operations_per_patch)),
            ("operationsPerGroupPatch", count(self.operations_per_group_patch)),
            ("membersPerPatch", count(self.members_per_patch)),
            ("membersReadable", flag(self.members_readable)),
            ("membersReplace", flag(self.members_replace)),
            ("removeBy", keyword!(self.remove_by)),
            ("pathRequired", flag(self.path_required)),
            ("softDelete", keyword!(self.soft_delete)),
            ("mediaType", keyword!(self.media_type)),
        ]
        .into_iter()
        .map(|(name, (text, origin))| (name, text, origin))
        .collect()
    }
}

impl Origin {
    /// Returns the word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Preset => "preset",
            Self::Discovered => "discovered",
            Self::Probed => "probed",
            Self::Given => "given",
        }
    }
}
