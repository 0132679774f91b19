"""`idlegrid up`: everything a grid needs, as child processes of one supervisor."""
