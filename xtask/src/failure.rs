//! Why a job ended without success.

use std::{fmt, io, path::PathBuf, process::ExitStatus};

use crate::metadata::MetadataError;

/// Why a job ended without success. Printed as one sentence that ends with the next step.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line does not fit.
    Usage { problem: String, usage: String },
    /// A program could not be started.
    Start { program: String, cause: io::Error },
    /// A program ran and reported failure; its own output says why.
    Refused { program: String, status: ExitStatus },
    /// Something a person has to provide.
    Missing { what: String, cure: String },
    /// A file or folder could not be read, written or removed.
    File { path: PathBuf, cause: io::Error },
    /// `cargo metadata` printed something else than expected.
    Metadata(MetadataError),
    /// A source file is not Rust.
    Unparsed { path: PathBuf, cause: syn::Error },
    /// A check of ours found violations.
    Findings { check: &'static str, findings: Vec<String>, cure: &'static str },
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage { problem, usage } => write!(f, "{problem}; usage: {usage}"),
            Self::Start { program, cause } => {
                write!(f, "`{program}` could not be started ({cause}); is it installed and on PATH?")
            }
            Self::Refused { program, status } => {
                write!(f, "`{program}` failed ({status}); see its output above")
            }
            Self::Missing { what, cure } => write!(f, "{what}; {cure}"),
            Self::File { path, cause } => write!(f, "{}: {cause}", path.display()),
            Self::Metadata(cause) => write!(f, "the output of `cargo metadata` was not understood: {cause}"),
            Self::Unparsed { path, cause } => write!(f, "{} does not parse: {cause}", path.display()),
            Self::Findings { check, findings, cure } => {
                for finding in findings {
                    writeln!(f, "{check}: {finding}")?;
                }
                write!(f, "{check}: {} found; {cure}", findings.len())
            }
        }
    }
}

impl From<MetadataError> for Failure {
    fn from(cause: MetadataError) -> Self {
        Self::Metadata(cause)
    }
}
