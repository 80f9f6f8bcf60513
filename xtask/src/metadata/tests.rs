use super::*;

#[test]
fn kinds_and_our_own_packages_are_told_apart() {
    let json = r#"{
        "target_directory": "/t",
        "packages": [
            { "name": "a", "dependencies": [
                { "name": "b", "kind": null, "source": null },
                { "name": "b", "kind": "dev", "source": "registry" },
                { "name": "serde", "kind": "build", "source": "registry" }
            ] },
            { "name": "b", "dependencies": [] }
        ]
    }"#;
    let metadata = Metadata::parse(json).unwrap();
    assert_eq!(metadata.target_directory, PathBuf::from("/t"));
    let dependency = |name: &str, kind, ours| Dependency { name: name.to_owned(), kind, ours };
    assert_eq!(
        metadata.packages.first().unwrap().dependencies,
        [
            dependency("b", Kind::Normal, true),
            dependency("b", Kind::Dev, false),
            dependency("serde", Kind::Build, false)
        ],
        "a registry's package of the same name is not ours"
    );
}

#[test]
fn a_missing_member_is_named() {
    let error = |json: &str| Metadata::parse(json).unwrap_err().to_string();
    assert!(error("{}").contains("`packages`"));
    assert!(error(r#"{"packages": [{}]}"#).contains("`name`"));
    assert!(error(r#"{"packages": [{"name": "a"}]}"#).contains("`dependencies`"));
    assert!(error(r#"{"packages": []}"#).contains("`target_directory`"));
    assert!(error("no").contains("not JSON"));
}

#[test]
fn an_unknown_kind_of_dependency_is_not_passed_over() {
    let json = r#"{"target_directory": "/t", "packages":
        [{"name": "a", "dependencies": [{"name": "b", "kind": "artifact", "source": null}]}]}"#;
    assert!(Metadata::parse(json).unwrap_err().to_string().contains("artifact"));
}
