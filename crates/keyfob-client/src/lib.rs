#![doc = include_str!("../README.md")]

mod answer;
mod base;
mod bulk;
mod call;
mod capabilities;
mod client;
mod confirm;
mod create;
mod discover;
mod error;
mod exchange;
mod fit;
mod list;
mod members;
mod pager;
mod patch;
mod preset;
mod resources;
mod retry;
mod session;
mod stored;
pub mod transport;
mod write;

#[cfg(feature = "reqwest")]
pub use self::transport::Reqwest;
#[cfg(feature = "ureq")]
pub use self::transport::Ureq;
pub use self::{
    base::UrlError,
    call::{Call, drive, drive_blocking},
    capabilities::{Capabilities, FilterSupport, Known, MediaType, Origin, Paging, RemoveBy, SoftDelete},
    client::{Client, ClientBuilder},
    discover::Target,
    error::Error,
    exchange::{Exchange, Step},
    list::{Iter, List, Page, Stream},
    members::{Members, MembersChanged},
    patch::{IntoFilter, IntoPath, Patch},
    preset::{Preset, PresetError},
    resources::{Resources, View},
    retry::{Random, Retry, SystemRandom, full_jitter, retry_after},
    stored::{Found, Patched, Stored},
    transport::{BlockingTransport, InProcess, Request, Transport, TransportError, is_public},
};
