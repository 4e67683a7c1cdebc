"""A generator as a static page: the decoder as ONNX, run in the browser, no server code."""
