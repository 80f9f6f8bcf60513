//! The part of `cargo metadata` the checks need.

#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, fmt, path::PathBuf};

use serde_json::Value;

/// What cargo knows about our own packages.
#[derive(Debug, PartialEq)]
pub(crate) struct Metadata {
    /// The packages of the workspace, in cargo's order.
    pub(crate) packages: Vec<Package>,
    /// Where builds go, as cargo has it from its configuration.
    pub(crate) target_directory: PathBuf,
}

/// One package of ours.
#[derive(Debug, PartialEq)]
pub(crate) struct Package {
    /// The name in its manifest.
    pub(crate) name: String,
    /// What its manifest asks for, conditional and optional dependencies included.
    pub(crate) dependencies: Vec<Dependency>,
}

/// One line of a manifest.
#[derive(Debug, PartialEq)]
pub(crate) struct Dependency {
    /// The name of the package asked for, whatever it is renamed to.
    pub(crate) name: String,
    /// For which builds it is there.
    pub(crate) kind: Kind,
    /// Whether it is a package of this workspace.
    pub(crate) ours: bool,
}

/// For which builds a dependency is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The product.
    Normal,
    /// Its build script, hence the product too.
    Build,
    /// Its tests, examples and benches only.
    Dev,
}

/// Why the output of `cargo metadata` was not understood.
#[derive(Debug)]
pub(crate) enum MetadataError {
    /// It is not JSON.
    Json(serde_json::Error),
    /// A member is missing or has another type.
    Member(&'static str),
    /// A kind of dependency this program does not know.
    Kind(String),
}

impl fmt::Display for MetadataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(cause) => write!(f, "not JSON ({cause})"),
            Self::Member(name) => write!(f, "`{name}` is missing or has another type"),
            Self::Kind(kind) => write!(f, "unknown kind of dependency `{kind}`"),
        }
    }
}

impl Metadata {
    /// Reads the JSON of `cargo metadata --no-deps --format-version 1`.
    ///
    /// # Errors
    ///
    /// [`MetadataError`] says what is wrong with it.
    pub(crate) fn parse(json: &str) -> Result<Self, MetadataError> {
        let document: Value = serde_json::from_str(json).map_err(MetadataError::Json)?;
        let packages = array(&document, "packages")?;
        let ours =
            packages.iter().map(|package| text(package, "name")).collect::<Result<BTreeSet<_>, _>>()?;
        Ok(Self {
            packages: packages
                .iter()
                .map(|package| Package::parse(package, &ours))
                .collect::<Result<_, _>>()?,
            target_directory: text(&document, "target_directory")?.into(),
        })
    }
}

impl Package {
    fn parse(package: &Value, ours: &BTreeSet<&str>) -> Result<Self, MetadataError> {
        let dependencies = array(package, "dependencies")?.iter();
        Ok(Self {
            name: text(package, "name")?.to_owned(),
            dependencies: dependencies
                .map(|dependency| Dependency::parse(dependency, ours))
                .collect::<Result<_, _>>()?,
        })
    }
}

impl Dependency {
    fn parse(dependency: &Value, ours: &BTreeSet<&str>) -> Result<Self, MetadataError> {
        let name = text(dependency, "name")?;
        let from_a_registry = !dependency.get("source").is_none_or(Value::is_null);
        let kind = match dependency.get("kind").and_then(Value::as_str) {
            None => Kind::Normal,
            Some("dev") => Kind::Dev,
            Some("build") => Kind::Build,
            Some(other) => return Err(MetadataError::Kind(other.to_owned())),
        };
        Ok(Self { name: name.to_owned(), kind, ours: !from_a_registry && ours.contains(name) })
    }
}

fn array<'a>(object: &'a Value, member: &'static str) -> Result<&'a Vec<Value>, MetadataError> {
    object.get(member).and_then(Value::as_array).ok_or(MetadataError::Member(member))
}

fn text<'a>(object: &'a Value, member: &'static str) -> Result<&'a str, MetadataError> {
    object.get(member).and_then(Value::as_str).ok_or(MetadataError::Member(member))
}
