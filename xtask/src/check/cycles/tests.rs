use super::*;

/// Returns the cycles of a crate with these files below `src`. The first file is its root.
fn found(files: &[(&str, &str)]) -> Vec<Vec<String>> {
    let read = |path: &Path| {
        files.iter().find(|(name, _)| Path::new(name) == path).map(|(_, text)| (*text).to_owned())
    };
    cycles(&Crate::read("lib.rs", &read).unwrap().graph()).into_iter().collect()
}

#[test]
fn files_that_import_each_other_are_a_cycle_however_they_are_named() {
    let b_takes = |text| {
        found(&[("lib.rs", "mod a; mod b;"), ("a.rs", "pub fn f() { crate::b::g() }"), ("b.rs", text)])
    };
    for text in [
        "use crate::a::f;",
        "use super::a;",
        "use super::{a::{self as other, f}, c};",
        "pub(crate) fn g() { super::a::f() }",
        "use super::*;\nfn g() { crate::a::f() }",
        "mod inner { use super::super::a::f; }",
        "use crate::a as other;\nfn g() -> char { other::f(); '\"' }",
    ] {
        assert_eq!(b_takes(text), [["a.rs", "b.rs"]], "{text}");
    }
    for text in [
        "// use crate::a::f;",
        "/// [`f`](crate::a::f)\npub fn g() {}",
        "const TEXT: &str = \"crate::a::f\";",
        "const TEXT: &str = r#\"\"crate::a::f\"#;",
        "#[cfg(test)]\nmod tests { use crate::a::f; }\npub fn g() {}",
        "#[cfg(test)]\nuse crate::a::f;",
        "use other::a::f;",
        "pub(in crate::a) fn g() {}",
        "mod a { pub fn f() {} }\nfn g() { self::a::f() }",
    ] {
        assert_eq!(b_takes(text), [[""; 0]; 0], "{text}");
    }
}

#[test]
fn a_cycle_through_several_files_is_found_and_names_them_all() {
    let files = [
        ("lib.rs", "mod a; mod b; mod c; mod d;"),
        ("a.rs", "use crate::b::B;"),
        ("b.rs", "use crate::c::C;"),
        ("c.rs", "use crate::a::A;"),
        ("d.rs", "use crate::a::A;"),
    ];
    assert_eq!(found(&files), [["a.rs", "b.rs", "c.rs"]]);
}

#[test]
fn a_folder_that_passes_on_what_its_files_define_is_no_cycle() {
    let folder = |face, b| {
        found(&[("lib.rs", "mod m;"), ("m/mod.rs", face), ("m/a.rs", "pub struct A;"), ("m/b.rs", b)])
    };
    let takes_a = "use super::A;\npub struct B(A);";
    assert_eq!(folder("mod a;\nmod b;\npub use a::A;\npub use b::B;", takes_a), [[""; 0]; 0]);
    assert_eq!(
        folder("mod a;\nmod b;\npub(crate) use self::a::A as Other;\npub use b::B;", "use super::Other;"),
        [[""; 0]; 0]
    );
    // An item that the folder's `mod.rs` itself defines makes a cycle, if `mod.rs` also uses its files.
    let cycle = [["m/b.rs", "m/mod.rs"]];
    assert_eq!(folder("mod a;\nmod b;\npub struct A;\nuse b::B;", takes_a), cycle);
    assert_eq!(folder("mod a;\nmod b;\npub struct A;\npub use b::B;\nfn f() -> B {}", takes_a), cycle);
}

#[test]
fn the_sources_have_no_cycle() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let graph = whole(&|path| std::fs::read_to_string(root.join(path)).ok()).unwrap();
    assert_eq!(cycles(&graph), BTreeSet::new());
    // A few known edges show that the sources were read.
    let needed = |file: &str, other: &str| graph.get(file).is_some_and(|files| files.contains(other));
    assert!(needed("core/src/session/decide.rs", "core/src/session/state.rs"));
    assert!(
        needed("core/src/ports.rs", "core/src/session/batch.rs"),
        "by way of what session/mod.rs passes on"
    );
    assert!(needed("host-runner/src/guest/pool.rs", "host-runner/src/guest/coalesce.rs"));
    assert!(needed("worker/src/objects/asset.rs", "worker/src/platform.rs"));
    assert!(!graph.keys().any(|file| file.contains("tests")));
}
