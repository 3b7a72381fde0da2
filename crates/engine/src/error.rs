use datafusion::error::DataFusionError;
use klimalade_model::{Fault, Kind};

/// Turns DataFusion's error into ours: a [`Fault`] that travelled inside comes out as it was.
pub(crate) fn sql_fault(what: &str, kind: Kind, error: DataFusionError) -> Fault {
    let root = match error {
        DataFusionError::Context(_, inner) => return sql_fault(what, kind, *inner),
        DataFusionError::Shared(inner) => match std::sync::Arc::try_unwrap(inner) {
            Ok(inner) => return sql_fault(what, kind, inner),
            Err(shared) => return Fault::new(kind, what).found(shared.strip_backtrace()),
        },
        DataFusionError::External(inner) => match inner.downcast::<Fault>() {
            Ok(fault) => return *fault,
            Err(inner) => DataFusionError::External(inner),
        },
        DataFusionError::ArrowError(inner, trace) => match *inner {
            arrow::error::ArrowError::ExternalError(inner) => match inner.downcast::<Fault>() {
                Ok(fault) => return *fault,
                Err(inner) => return Fault::new(kind, what).found(inner.to_string()),
            },
            inner => DataFusionError::ArrowError(Box::new(inner), trace),
        },
        other => other,
    };
    if matches!(root, DataFusionError::ResourcesExhausted(_)) {
        return Fault::new(Kind::Bug, "the memory set for sorting does not suffice")
            .found(root.strip_backtrace())
            .hint("set memory_mib in klimalade.toml higher");
    }
    Fault::new(kind, what).found(root.strip_backtrace())
}

/// An arrow kernel refused what the code promised it: ours.
pub(crate) fn arrow_fault(error: arrow::error::ArrowError) -> Fault {
    match error {
        arrow::error::ArrowError::ExternalError(inner) => match inner.downcast::<Fault>() {
            Ok(fault) => *fault,
            Err(inner) => Fault::bug("a column operation failed").found(inner.to_string()),
        },
        other => Fault::bug("a column operation failed").because(other),
    }
}

/// The scratch disk refused.
pub(crate) fn disk_fault(error: std::io::Error) -> Fault {
    Fault::transient("the scratch folder cannot be written or read").because(error)
}
