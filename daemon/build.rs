//! Builds again when a migration is added: the macro that embeds them sees only the ones that were there.

fn main() {
    println!("cargo:rerun-if-changed=../migrations");
}
