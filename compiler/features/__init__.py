"""Row-level expressions and fitted preprocessing, compiled to ONNX."""
