//! Every operation of the document, asked by every kind of caller.
