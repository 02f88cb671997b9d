//! The rules of matching one by one, each as a capture that can be read.
