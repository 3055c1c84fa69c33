//! Every layout that is reachable from the header, as text: what may never change within major version 1.
//!
//! The comparison that abi_stable makes while it loads a library leaves out nothing that is here. So a plugin that was
//! built when this text was the same is accepted, and nothing updates the text.

use super::{HostTable, LibHeader, RootModuleRef};
use abi_stable::StableAbi;
use abi_stable::std_types::UTypeId;
use abi_stable::type_layout::{TLData, TLEnum, TLFields, TypeLayout};
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::fmt::Write as _;

const FROZEN: &str = include_str!("layouts.txt");
const DOCUMENT: &str = include_str!("../../../docs/reference/abi.md");

/// All of them, each once, in the order in which they are come upon.
fn layouts() -> String {
    let (mut text, mut seen) = (String::new(), HashSet::new());
    let roots = [RootModuleRef::LAYOUT, HostTable::LAYOUT, LibHeader::LAYOUT];
    for root in roots {
        walk(root, &mut seen, &mut text);
    }
    // Some names of types end with a blank.
    text.lines().flat_map(|line| [line.trim_end(), "\n"]).collect()
}

fn walk(layout: &'static TypeLayout, seen: &mut HashSet<UTypeId>, text: &mut String) {
    if !seen.insert(layout.get_utypeid()) {
        return;
    }
    // Writing to a string doesn't fail.
    let _ = describe(layout, text);
    for nested in layout.shared_vars().type_layouts() {
        walk(nested(), seen, text);
    }
    if let Some(checks) = layout.extra_checks() {
        for nested in &*checks.nested_type_layouts() {
            walk(nested, seen, text);
        }
    }
}

/// Neither versions nor lines of source: they say nothing of a layout.
fn describe(layout: &'static TypeLayout, text: &mut String) -> std::fmt::Result {
    let (size, align) = (layout.size(), layout.alignment());
    write!(
        text,
        "{} of {}: {size} bytes, aligned to {align}",
        layout.full_type(),
        layout.package()
    )?;
    write!(text, ", {:?}", layout.repr_attr())?;
    if layout.is_nonzero() {
        write!(text, ", never 0")?;
    }
    writeln!(text)?;
    match layout.data() {
        TLData::Primitive(primitive) => writeln!(text, "    primitive {primitive:?}")?,
        TLData::Opaque => writeln!(text, "    opaque")?,
        TLData::Struct { fields } => describe_fields("field", fields, text)?,
        TLData::Union { fields } => describe_fields("union field", fields, text)?,
        TLData::Enum(variants) => describe_variants(&variants, text)?,
        TLData::PrefixType(prefix) => {
            let (suffix, conditional) =
                (prefix.first_suffix_field, prefix.conditional_prefix_fields.bits());
            writeln!(text, "    prefix of {suffix} fields, conditional {conditional:b}")?;
            describe_fields("field", prefix.fields, text)?;
        }
    }
    describe_fields("phantom", layout.phantom_fields(), text)?;
    match layout.extra_checks() {
        Some(checks) => writeln!(text, "    checks {checks}"),
        None => Ok(()),
    }
}

fn describe_fields(what: &str, fields: TLFields, text: &mut String) -> std::fmt::Result {
    for field in fields.iter() {
        write!(text, "    {what} {}: {}", field.name(), field.full_type())?;
        if !field.lifetime_indices().is_empty() {
            write!(text, " with {:?}", field.lifetime_indices())?;
        }
        writeln!(text)?;
        for function in field.function_range() {
            let function = function.to_string();
            writeln!(text, "        {}", function.trim_end().replace('\n', ", "))?;
        }
    }
    Ok(())
}

fn describe_variants(variants: &TLEnum, text: &mut String) -> std::fmt::Result {
    writeln!(
        text,
        "    variants {} with {:?} fields",
        variants.variant_names, variants.field_count
    )?;
    writeln!(text, "    {:?}, {:?}", variants.discriminants, variants.exhaustiveness)?;
    describe_fields("field", variants.fields, text)
}

#[test]
fn no_layout_changes_within_major_version_1() {
    let now = layouts();
    let differs = now.lines().zip(FROZEN.lines()).find(|(now, frozen)| now != frozen);
    assert_eq!(differs, None, "an interface that is frozen has changed: see docs/reference/abi.md");
    assert_eq!(now.len(), FROZEN.len(), "an interface that is frozen has more types, or fewer");
}

#[test]
fn the_frozen_layouts_are_those_that_were_published() {
    let digest = Sha256::digest(FROZEN).iter().fold(String::new(), |mut text, byte| {
        // Writing to a string doesn't fail.
        let _ = write!(text, "{byte:02x}");
        text
    });
    assert!(DOCUMENT.contains(&format!("`{digest}`")), "{digest}");
}
