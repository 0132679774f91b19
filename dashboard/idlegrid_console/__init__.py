"""The web console of an idlegrid: a Streamlit app that speaks to the coordinator over HTTP alone."""
