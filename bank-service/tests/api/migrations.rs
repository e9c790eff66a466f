//! The migrations in both directions.

use bank_service::store::{DatabaseUrl, migrations};

use crate::database;

#[actix_web::test]
async fn every_migration_is_reverted_down_to_nothing_and_applied_again() {
    let folder = tempfile::tempdir().unwrap();
    let url: DatabaseUrl = database::of(folder.path()).await.expose().parse().unwrap();
    let walk = move || {
        let applied = migrations::upgrade(&url).unwrap();
        let mut reverted = Vec::new();
        while let Some(version) = migrations::downgrade(&url).unwrap() {
            reverted.push(version);
        }
        reverted.reverse();
        assert_eq!(reverted, applied);
        assert!(migrations::status(&url).unwrap().iter().all(|migration| !migration.applied));
        assert_eq!(migrations::upgrade(&url).unwrap(), applied);
    };
    tokio::task::spawn_blocking(walk).await.unwrap();
}
