"""The benchmarks: scenarios side by side with what people do today, on the project's sandbox."""
