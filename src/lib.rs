//! Alongside: advocacy case management for peer-support organizations in addiction recovery.
//!
//! The map of the crate; `ARCHITECTURE.md` says why it is so.
//!
//! | module | what it is |
//! |---|---|
//! | [`app`] | every feature, mounted once; the server |
//! | [`types`], [`error`] | values that are good wherever they are; the one error |
//! | [`http`], [`auth`] | what every handler shares; who may do what |
//! | [`db`], [`audit`] | the only door to SQL; the audit log |
//! | [`records`] | what every wing builds on: who sees which record, timeline, search index, exports |
//! | [`identity`], [`directory`], [`casework`], [`portal`] | the wings: features, each a folder with `mod`, `api`, `model`, `store` |
//! | [`overview`] | readers over everything |
//! | [`clock`] | what is known of the machine's clock |
//! | [`print`] | sheets for people to read, as a web page and as a PDF |
//! | [`privacy`] | the notices of the law of privacy, as versioned data |
//! | [`operations`], [`openapi`], [`telemetry`], [`config`] | health and keys; the document; logs; settings |
//! | [`mail`] | what goes out |
//! | [`housekeeping`] | what a running server does by itself |
//! | [`supervise`], [`shutdown`], [`lock`] | threads that are restarted; how the server ends; what one process does
//! alone |
//! | [`admin`], [`demo`] | the command line's own work |

#[macro_use]
pub mod types;
pub mod admin;
pub mod app;
pub mod audit;
pub mod auth;
pub mod casework;
pub mod clock;
pub mod config;
pub mod db;
pub mod demo;
pub mod directory;
pub mod error;
pub mod housekeeping;
pub mod http;
pub mod identity;
pub mod lock;
pub mod mail;
pub mod openapi;
pub mod operations;
pub mod overview;
pub mod portal;
pub mod print;
pub mod privacy;
#[macro_use]
pub mod records;
pub mod shutdown;
pub mod supervise;
pub mod telemetry;
pub mod tls;
