"""One file per page; Streamlit runs the file whenever its page is opened."""
