"""The API's operations, a file for each thing that they are about; what is sent (bodies) and answered (replies)."""
