"""The images: files, downloads, two classes or ten, batches."""
