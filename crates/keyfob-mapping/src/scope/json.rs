//! Scoping filters from and to JSON.

use keyfob_core::{Object, Value};
use smol_str::SmolStr;

use super::{Clause, ClauseGroup, Operator, ScopingFilter};
use crate::document::{self, ImportError, Reader, invalid};

impl ScopingFilter {
    /// Reads a filter from the `scope` of a Graph object mapping, or from the shorter form in which a group is an array
    /// of clauses and a clause holds its `values` itself:
    ///
    /// ```
    /// use keyfob_mapping::scope::ScopingFilter;
    ///
    /// let graph = ScopingFilter::from_json(br#"{"groups": [{"name": "", "clauses": [{
    ///     "sourceOperandName": "department", "operatorName": "EQUALS", "targetOperand": {"values": ["Sales"]}
    /// }]}]}"#)?;
    /// let short = ScopingFilter::from_json(br#"{"groups": [[
    ///     {"sourceOperandName": "department", "operatorName": "EQUALS", "values": ["Sales"]}
    /// ]]}"#)?;
    /// assert_eq!(graph, short);
    /// # Ok::<(), keyfob_mapping::ImportError>(())
    /// ```
    ///
    /// # Errors
    /// [`ImportError`] says where the text is something else. A filter with conditions beside its `groups` is refused,
    /// since without them it would say something else.
    pub fn from_json(text: &[u8]) -> Result<Self, ImportError> {
        read(&Reader::new(&document::object_from_slice(text)?))
    }
}

/// Reads the filter that an object with `groups` is.
pub(crate) fn read(reader: &Reader<'_>) -> Result<ScopingFilter, ImportError> {
    for member in ["inputFilterGroups", "categoryFilterGroups"] {
        if reader.elements(member)?.len() > 0 {
            return Err(reader.invalid(member, "no condition, as nothing is known of their meaning,"));
        }
    }
    read_groups(reader, "groups")
}

/// Reads a filter whose groups are an array.
pub(crate) fn read_groups(reader: &Reader<'_>, member: &str) -> Result<ScopingFilter, ImportError> {
    let groups = reader.elements(member)?;
    let groups = groups.map(|(group, path)| read_group(group, path));
    Ok(ScopingFilter::new(groups.collect::<Result<_, _>>()?))
}

fn read_group(group: &Value, path: SmolStr) -> Result<ClauseGroup, ImportError> {
    match group {
        Value::Array(clauses) => {
            let clauses = clauses.iter().enumerate().map(|(index, clause)| {
                read_clause(&Reader::of(clause, smol_str::format_smolstr!("{path}[{index}]"))?)
            });
            Ok(ClauseGroup::new("", clauses.collect::<Result<_, _>>()?))
        }
        Value::Object(_) => {
            let reader = Reader::of(group, path)?;
            let clauses = reader.objects("clauses")?;
            let clauses: Result<_, _> = clauses.iter().map(read_clause).collect();
            Ok(ClauseGroup::new(
                reader.text("name")?.unwrap_or_default(),
                clauses?,
            ))
        }
        _ => Err(invalid(path, "a group of clauses")),
    }
}

fn read_clause(reader: &Reader<'_>) -> Result<Clause, ImportError> {
    let name = reader.required_text("operatorName")?;
    let operator = Operator::parse(name).ok_or_else(|| {
        ImportError::word(
            reader.at("operatorName"),
            name,
            Operator::ALL.map(Operator::as_str),
        )
    })?;
    let values = match reader.object("targetOperand")? {
        Some(operand) => operand.texts("values")?,
        None => reader.texts("values")?,
    };
    Ok(Clause {
        attribute: reader.required_text("sourceOperandName")?.into(),
        operator,
        values,
    })
}

/// The filter's groups in the shorter form.
pub(crate) fn to_groups(filter: &ScopingFilter) -> Vec<Value> {
    let group = |group: &ClauseGroup| {
        let clauses = group.clauses.iter().map(|clause| {
            let mut object = clause_object(clause);
            object.insert("values", texts(&clause.values));
            Value::Object(object)
        });
        let clauses: Vec<Value> = clauses.collect();
        if group.name.is_empty() {
            return Value::Array(clauses);
        }
        let mut object = Object::new();
        object.insert("name", group.name.clone());
        object.insert("clauses", clauses);
        Value::Object(object)
    };
    filter.groups.iter().map(group).collect()
}

/// The filter's groups as Graph has them.
pub(crate) fn to_graph_groups(filter: &ScopingFilter) -> Vec<Value> {
    let group = |group: &ClauseGroup| {
        let clauses = group.clauses.iter().map(|clause| {
            let mut object = clause_object(clause);
            let operand: Object = [("values", texts(&clause.values))].into_iter().collect();
            object.insert("targetOperand", operand);
            Value::Object(object)
        });
        let clauses: Vec<Value> = clauses.collect();
        let mut object = Object::new();
        object.insert("name", group.name.clone());
        object.insert("clauses", clauses);
        Value::Object(object)
    };
    filter.groups.iter().map(group).collect()
}

fn clause_object(clause: &Clause) -> Object {
    let mut object = Object::new();
    object.insert("operatorName", clause.operator.as_str());
    object.insert("sourceOperandName", clause.attribute.clone());
    object
}

fn texts(values: &[SmolStr]) -> Vec<Value> {
    values.iter().cloned().map(Value::String).collect()
}
