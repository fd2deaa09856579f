//! Typed views of resources.
