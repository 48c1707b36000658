"""What is done with a trained model: packaged as ONNX, read, scored, evaluated."""
