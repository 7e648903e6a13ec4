"""The pages' substance: shell, state, forms and live views. The only room that knows Streamlit."""
