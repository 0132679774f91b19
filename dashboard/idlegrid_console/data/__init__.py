"""From the coordinator's answers to rows, texts and figures: pure functions, no Streamlit, no I/O."""
