//! Query parameters (RFC 7644 section 3.4.2).

use std::{borrow::Cow, num::IntErrorKind};

use keyfob_core::{
    Dialect, Projection,
    message::{SearchRequest, SortOrder},
    render::excerpt,
};
use percent_encoding::percent_decode_str;
use smol_str::SmolStr;

use crate::error::HttpError;

/// The parameters that SCIM knows, decoded once.
///
/// Names are taken in any case, as clients spell them in any case; of two with one name the first counts. Parameters
/// that SCIM doesn't know are ignored: Entra ID's `aadOptscim062020` is one.
#[derive(Debug, Default)]
pub(crate) struct Parameters<'q> {
    filter: Option<Cow<'q, str>>,
    attributes: Option<Cow<'q, str>>,
    excluded_attributes: Option<Cow<'q, str>>,
    sort_by: Option<Cow<'q, str>>,
    sort_order: Option<Cow<'q, str>>,
    start_index: Option<Cow<'q, str>>,
    count: Option<Cow<'q, str>>,
    cursor: Option<Cow<'q, str>>,
}

impl<'q> Parameters<'q> {
    pub(crate) fn parse(query: &'q str) -> Result<Self, HttpError> {
        // The parser would put replacement characters where the query is no UTF-8, and a filter would find nothing.
        percent_decode_str(query)
            .decode_utf8()
            .map_err(|_| HttpError::QueryEncoding)?;
        let mut parameters = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if let Some((name, parameter)) = parameters.parameter(&name) {
                // Whichever counted, the other would be lost: a filter more, or another page.
                if parameter.replace(value).is_some() {
                    return Err(HttpError::Repeated { name });
                }
            }
        }
        Ok(parameters)
    }

    fn parameter(&mut self, name: &str) -> Option<(&'static str, &mut Option<Cow<'q, str>>)> {
        let known = [
            ("filter", &mut self.filter),
            ("attributes", &mut self.attributes),
            ("excludedAttributes", &mut self.excluded_attributes),
            ("sortBy", &mut self.sort_by),
            ("sortOrder", &mut self.sort_order),
            ("startIndex", &mut self.start_index),
            ("count", &mut self.count),
            ("cursor", &mut self.cursor),
        ];
        known
            .into_iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
    }

    pub(crate) fn has_filter(&self) -> bool {
        self.filter.is_some()
    }

    pub(crate) fn projection(&self, dialect: Dialect) -> Result<Projection, HttpError> {
        let excluded = self.excluded_attributes.as_deref();
        Ok(Projection::parse(self.attributes.as_deref(), excluded, dialect)?)
    }

    pub(crate) fn search_request(&self, dialect: Dialect) -> Result<SearchRequest, HttpError> {
        let mut request = SearchRequest::new();
        request.filter = self.filter.as_deref().map(SmolStr::new);
        request.projection = self.projection(dialect)?;
        request.sort_by = self.sort_by.as_deref().map(SmolStr::new);
        request.sort_order = SortOrder::parse(self.sort_order.as_deref().unwrap_or_default())?;
        request.start_index = integer("startIndex", self.start_index.as_deref())?;
        request.count = integer("count", self.count.as_deref())?;
        request.cursor = self.cursor.as_deref().map(SmolStr::new);
        Ok(request)
    }
}

/// An integer, the largest or smallest there is in place of one that is beyond it.
fn integer(name: &'static str, text: Option<&str>) -> Result<Option<i64>, HttpError> {
    let Some(text) = text else { return Ok(None) };
    match text.trim().parse() {
        Ok(number) => Ok(Some(number)),
        Err(error) => match error.kind() {
            IntErrorKind::PosOverflow => Ok(Some(i64::MAX)),
            IntErrorKind::NegOverflow => Ok(Some(i64::MIN)),
            _ => Err(HttpError::NotAnInteger {
                name,
                text: excerpt(text),
            }),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(query: &str) -> Result<SearchRequest, HttpError> {
        Parameters::parse(query)?.search_request(Dialect::interop())
    }

    #[test]
    fn a_query_is_decoded_once_with_plus_signs_for_spaces() {
        for (query, filter) in [
            ("", None),
            ("filter=userName%20eq%20%22a%22", Some("userName eq \"a\"")),
            ("filter=userName+eq+%22a%2Bb%22", Some("userName eq \"a+b\"")),
            ("filter=%2520", Some("%20")),
            ("filter=", Some("")),
            ("filter", Some("")),
            ("FILTER=a+pr", Some("a pr")),
            ("%66ilter=a+pr", Some("a pr")),
            ("aadOptscim062020&filter=a+pr&colour=blue&=&&", Some("a pr")),
            ("filter=a+eq+%22%E2%82%AC%22", Some("a eq \"\u{20ac}\"")),
            ("filter=a%3Db%26c", Some("a=b&c")),
            ("filter=100%", Some("100%")),
        ] {
            assert_eq!(request(query).unwrap().filter.as_deref(), filter, "{query}");
        }
    }

    #[test]
    fn a_parameter_that_is_given_twice_is_refused() {
        for (query, repeated) in [
            ("filter=a+pr&filter=b+pr", "filter"),
            ("count=1&COUNT=1", "count"),
            ("attributes=a&excludedAttributes=b&%61ttributes=c", "attributes"),
        ] {
            let refused = Parameters::parse(query);
            assert!(
                matches!(refused, Err(HttpError::Repeated { name }) if name == repeated),
                "{query}"
            );
        }
        assert!(Parameters::parse("colour=blue&colour=red").is_ok());
    }

    #[test]
    fn a_query_that_is_no_utf8_is_refused() {
        for query in [
            "filter=%ff",
            "colour=%ff",
            "%ff=1",
            "filter=a%C3",
            "filter=%ED%A0%80",
        ] {
            assert!(
                matches!(Parameters::parse(query), Err(HttpError::QueryEncoding)),
                "{query}"
            );
        }
    }

    #[test]
    fn paging_takes_integers_of_any_size() {
        for (query, start_index, count) in [
            ("startIndex=2&count=10", Some(2), Some(10)),
            ("startindex=0&COUNT=-1", Some(0), Some(-1)),
            ("count=%2B5", None, Some(5)),
            (
                "count=99999999999999999999&startIndex=-99999999999999999999",
                Some(i64::MIN),
                Some(i64::MAX),
            ),
        ] {
            let request = request(query).unwrap();
            assert_eq!(
                (request.start_index, request.count),
                (start_index, count),
                "{query}"
            );
        }
        for query in [
            "count=many",
            "count=",
            "count",
            "count=1.0",
            "startIndex=1e3",
            "startIndex=%D9%A3",
        ] {
            assert!(
                matches!(request(query), Err(HttpError::NotAnInteger { .. })),
                "{query}"
            );
        }
    }

    #[test]
    fn attributes_are_names_with_commas_between_them() {
        let projection = request("attributes=userName,+emails.value%2Cname")
            .unwrap()
            .projection;
        let expected =
            Projection::parse(Some("userName,emails.value,name"), None, Dialect::interop()).unwrap();
        assert_eq!(projection, expected);
        assert_eq!(
            request("attributes=&excludedAttributes=").unwrap().projection,
            Projection::all()
        );
        for query in [
            "attributes=a.b.c.d",
            "excludedAttributes=user%20Name",
            "attributes=%3Cscript%3E",
        ] {
            assert!(matches!(request(query), Err(HttpError::Projection(_))), "{query}");
        }
    }
}
