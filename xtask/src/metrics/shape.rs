//! Types as short text, so that they can be compared without resolving names.

use syn::{
    AngleBracketedGenericArguments, GenericArgument, PathArguments, PathSegment, Type, TypeParamBound,
};

/// A type written without paths and spaces, for example `Result<(),String>`.
pub(super) fn shape(ty: &Type) -> String {
    if let Type::Path(path) = ty {
        path.path.segments.last().map(segment_shape).unwrap_or_default()
    } else if let Type::ImplTrait(bounds) = ty {
        bounds.bounds.iter().map(bound_shape).collect()
    } else if let Type::Tuple(_) = ty {
        "()".to_owned()
    } else {
        "?".to_owned()
    }
}

/// `impl Future<Output = T>` counts as `T`, so that async signatures written out are not missed.
fn bound_shape(bound: &TypeParamBound) -> String {
    let TypeParamBound::Trait(bound) = bound else { return String::new() };
    let Some(arguments) = bound.path.segments.last().and_then(arguments) else { return String::new() };
    let output = |argument: &GenericArgument| {
        if let GenericArgument::AssocType(output) = argument { Some(shape(&output.ty)) } else { None }
    };
    arguments.args.iter().filter_map(output).collect()
}

fn segment_shape(segment: &PathSegment) -> String {
    let Some(arguments) = arguments(segment) else { return segment.ident.to_string() };
    let ty = |argument: &GenericArgument| {
        if let GenericArgument::Type(ty) = argument { Some(shape(ty)) } else { None }
    };
    let inner: Vec<_> = arguments.args.iter().filter_map(ty).collect();
    format!("{}<{}>", segment.ident, inner.join(","))
}

fn arguments(segment: &PathSegment) -> Option<&AngleBracketedGenericArguments> {
    if let PathArguments::AngleBracketed(arguments) = &segment.arguments { Some(arguments) } else { None }
}
